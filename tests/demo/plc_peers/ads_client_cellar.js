// What ads-client reads from the cellar (TwinCAT 2), as JSON: node ads_client_cellar.js HOST PORT NET_ID AMS_PORT
const { Client } = require('ads-client');
const [host, port, netId, amsPort] = process.argv.slice(2);

(async () => {
  const client = new Client({ routerAddress: host, routerTcpPort: Number(port),
    targetAmsNetId: netId, targetAdsPort: Number(amsPort), localAmsNetId: '10.9.8.7.1.1', localAdsPort: 32750,
    hideConsoleWarnings: true });
  await client.connect();
  await client.writeValue('.bLamp', true);
  const found = {};
  for (const name of JSON.parse(process.env.NAMES)) found[name] = (await client.readValue(name)).value;
  await client.disconnect();
  console.log(JSON.stringify(found));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});

// What ads-client sees of the heating house, as JSON: node ads_client.js HOST PORT NET_ID AMS_PORT (NODE_PATH finds it)
const { Client } = require('ads-client');
const [host, port, netId, amsPort] = process.argv.slice(2);

const plain = (key, value) => (typeof value === 'bigint' ? value.toString() : value);

async function read(client, names) {
  const found = {};
  for (const name of names) {
    found[name] = (await client.readValue(name)).value;
  }
  return found;
}

async function writeAndReadBack(client, values) {
  const found = {};
  for (const [name, value, autoFill] of values) {
    await client.writeValue(name, value, autoFill);
    found[name] = (await client.readValue(name)).value;
  }
  return found;
}

async function notified(client, name, cycle, count, change, onChange) {
  const got = [];
  const subscription = await client.subscribe({
    target: name, cycleTime: cycle, sendOnChange: onChange, callback: (data) => got.push(data.value),
  });
  const arrived = async (wanted) => {
    const deadline = Date.now() + 5000;
    while (got.length < wanted && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
  };
  await arrived(1);
  if (change) await change();
  await arrived(count);
  await client.unsubscribe(subscription);
  return got;
}

async function main() {
  const client = new Client({
    routerAddress: host, routerTcpPort: Number(port), targetAmsNetId: netId, targetAdsPort: Number(amsPort),
    localAmsNetId: '10.9.8.7.1.1', localAdsPort: 32750, hideConsoleWarnings: true, connectionCheckInterval: 500,
  });
  await client.connect();
  const found = { info: await client.readDeviceInfo(), state: await client.readPlcRuntimeState() };
  found.system = await client.readTcSystemState();
  const symbols = await client.getSymbols();
  found.symbols = Object.keys(symbols).length;
  found.symbol = await client.getSymbol('LivingRoom.fSetpoint');
  found.types = Object.keys(await client.getDataTypes()).length;
  found.unreadable = {};
  for (const symbol of Object.values(symbols)) {
    try {
      await client.readValue(symbol.name);
    } catch (error) {
      found.unreadable[symbol.type] = String(error);
    }
  }
  found.values = await read(client, JSON.parse(process.env.NAMES));
  found.written = await writeAndReadBack(client, JSON.parse(process.env.WRITES));
  const handle = await client.createVariableHandle('Service.nInt');
  found.handle = [handle.dataType, handle.size, (await client.readRawByHandle(handle)).readInt16LE(0)];
  await client.deleteVariableHandle(handle);
  const raw = [found.symbol, symbols['service.nint'] || Object.values(symbols)[0]];
  found.multi = (await client.readRawMulti(raw.map((s) => ({
    indexGroup: s.indexGroup, indexOffset: s.indexOffset, size: s.size,
  })))).map((each) => each.success);
  found.multiHandles = (await client.createVariableHandleMulti(['Service.nInt', 'Service.nothing'])).map((each) => each.success);
  found.cyclic = await notified(client, 'MAIN.nCounter', 20, 5, null, false);
  found.changes = await notified(client, 'Service.stPeriod', 20, 2,
    () => client.writeValue('Service.stPeriod', { eMode: 'Party' }, true), true);
  try {
    await client.readValue('Service.nothing');
  } catch (error) {
    found.missing = error.adsError ? error.adsError.errorCode : String(error);
  }
  await client.disconnect();
  console.log(JSON.stringify(found, plain));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

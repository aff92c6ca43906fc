"""The program of the heating house (TwinCAT 3): what it declares. `plc_house` lets it live."""

ROOMS = {  # name of its variables: name on the wall, set-point °C, share of the sun
    'LivingRoom': ('Wohnzimmer', 21.5, 1.0),
    'Kitchen': ('Küche', 20.5, 0.4),
    'Bath': ('Bad & Dusche', 23.0, 0.1),
    'Bedroom': ('Schlafzimmer', 18.0, 0.2),
    'Nursery': ('Kinderzimmer Zoë', 21.0, 0.6),
    'Office': ('Büro', 20.0, 0.8),
}

_TYPES = """
TYPE E_Mode : (Off := 0, Comfort := 1, Eco := 2, Party := 3, FrostProtection := 4) INT;
TYPE E_BoilerState : (Standby := 0, Purge := 10, Ignition := 20, Burning := 30, AfterRun := 40, Fault := 99) UINT;
TYPE E_Move : (Closing := -1, Hold := 0, Opening := 1) SINT;
TYPE E_Severity : (Info, Warning, Error) USINT;
TYPE T_Temperature : REAL;
TYPE T_Setpoint : T_Temperature;
TYPE T_MaxString : STRING(255);
TYPE T_Label : STRING(30);

STRUCT ST_Status
  bOn : BIT;  // switched on
  bReady : BIT;  // may run
  bFault : BIT;  // has a fault
  bManual : BIT;  // operated by hand
  nCode : UINT;  // fault code
END
STRUCT ST_CurvePoint
  fOutside : T_Temperature;  // at this outside temperature [°C]
  fSupply : T_Temperature;  // the supply shall have [°C]
END
STRUCT ST_Curve
  fSlope : REAL := 1.2;  // steepness
  fLevel : REAL;  // parallel shift [K]
  aPoints : ARRAY [1..4] OF ST_CurvePoint;  // points of the curve
END
STRUCT ST_Alarm
  bActive : BOOL;  // pending
  eSeverity : E_Severity;  // how bad it is
  nNumber : UINT;  // number in the manual
  dtSince : DT;  // when it came
  sText : STRING(60);  // what is the matter
END
STRUCT ST_Period
  todFrom : TIME_OF_DAY;  // begins
  todTo : TIME_OF_DAY;  // ends
  eMode : E_Mode;  // what applies meanwhile
END
STRUCT ST_Meter
  nEnergy : ULINT;  // since installation [Wh]
  fPower : LREAL;  // now [kW]
  nSerial : UDINT;  // serial number
END
STRUCT ST_Empty
  nReserved : BYTE;  // not used
END
FUNCTION_BLOCK FB_Device
  stStatus : ST_Status;  // state of the device
  tRunning : TIME;  // how long it has run since it was switched on [ms]
  nStarts : UDINT;  // number of starts
END
FUNCTION_BLOCK FB_Pump EXTENDS FB_Device
  nSpeed : USINT;  // speed [%]
  fFlow : REAL;  // flow [l/min]
  fPower : REAL;  // electric power [W]
END
FUNCTION_BLOCK FB_Valve EXTENDS FB_Device
  eMove : E_Move;  // which way it moves
  fPosition : REAL;  // position [%]
  fTarget : REAL;  // where it shall go [%]
END
FUNCTION_BLOCK TON
  IN : BOOL;  // starts the timer
  PT : TIME;  // time to wait
  Q : BOOL;  // the time is over
  ET : TIME;  // elapsed time
END
"""

_HOUSE = """
VAR_GLOBAL CONSTANT Plant
  sName : STRING(80) := 'Heizung Müller, Keller';  // name of the plant
  sVersion : T_Label := '2.4.1';  // version of the program
  nRooms : USINT := 6;  // number of rooms
  fMaxSupply : REAL := 70.0;  // highest supply temperature [°C]
END
VAR_GLOBAL System
  eMode : E_Mode := Comfort;  // operating mode of the house
  bEnable : BOOL := TRUE;  // heating is allowed
  bSummer : BOOL;  // summer operation
  nCycle : UDINT;  // cycles of the program
  dtNow : DATE_AND_TIME;  // clock of the controller
  dToday : DATE;  // date of the controller
  todNow : TIME_OF_DAY;  // time of day of the controller
  tUptime : TIME;  // since the start [ms]
  ltUptime : LTIME;  // since the start, exactly [ns]
  sStatus : STRING(80);  // state in words
  sInstaller : STRING(40) := 'Fa. Krüger & Söhne';  // who has installed it
  {attribute 'TcEncoding' := 'UTF-8'}
  sMessage : STRING(120);  // message for the display, UTF-8
  wsGreeting : WSTRING(60) := 'Grüße aus dem Keller – 21 °C';  // greeting on the display
  sNote : T_MaxString := 'Filter im Frühjahr prüfen';  // note of the owner
END
VAR_GLOBAL Weather
  fOutside : T_Temperature := 6.0;  // outside temperature [°C]
  fOutsideMean : T_Temperature := 6.0;  // outside temperature, damped [°C]
  fHumidity : REAL;  // relative humidity outside [%]
  fPressure : REAL;  // air pressure [hPa]
  fWind : REAL;  // wind speed [m/s]
  fRain : REAL;  // rain [mm/h]
  fSun : REAL;  // radiation [W/m²]
  nHour : USINT;  // hour of the day [h]
  bFrost : BOOL;  // it freezes
  bNight : BOOL;  // it is dark
  sText : STRING(40);  // weather in words
  aForecast : ARRAY [0..5] OF REAL;  // next hours [°C]
END
VAR_GLOBAL Boiler
  eState : E_BoilerState;  // state of the burner
  bEnable : BOOL := TRUE;  // the burner may start
  bFlame : BOOL;  // flame seen
  bReset : BOOL;  // acknowledge a fault
  fTemperature : T_Temperature := 52.0;  // boiler temperature [°C]
  fSetpoint : T_Setpoint := 60.0;  // boiler set-point [°C]
  fReturn : T_Temperature := 40.0;  // return temperature [°C]
  fFlueGas : REAL := 45.0;  // flue gas temperature [°C]
  fPressure : REAL := 1.6;  // water pressure [bar]
  fModulation : REAL;  // burner power [%]
  nStarts : UDINT := 18412;  // burner starts
  nSeconds : UDINT := 5061000;  // burner operation [s]
  nGas : ULINT := 184220331;  // gas since installation [l]
  fPower : LREAL;  // heat output [kW]
  wStatus : WORD := 16#0003;  // status word of the burner control
  byOutputs : BYTE;  // outputs of the burner control
  dwFaults : DWORD;  // fault bits
  lwSerial : LWORD := 16#00A1B2C3D4E5F607;  // serial number
  stStatus : ST_Status;  // state of the boiler
  fbDelay : TON;  // delay of the next start
  fbPump : FB_Pump;  // boiler pump
  pStatus : POINTER TO ST_Status;  // points to the state
  rSetpoint : REFERENCE TO REAL;  // refers to the set-point
END
VAR_GLOBAL Buffer
  aTemperature : ARRAY [1..4] OF REAL := [58.0, 55.0, 50.0, 44.0];  // layers from top to bottom [°C]
  fMean : REAL;  // mean temperature [°C]
  fCharge : REAL;  // state of charge [%]
  nVolume : UINT := 800;  // volume [l]
  bCharging : BOOL;  // being charged
  fbValve : FB_Valve;  // charging valve
END
VAR_GLOBAL HotWater
  fTemperature : REAL := 49.0;  // hot water temperature [°C]
  fSetpoint : REAL := 50.0;  // hot water set-point [°C]
  fHysteresis : REAL := 4.0;  // hysteresis [K]
  bDemand : BOOL;  // heat is needed
  bBoost : BOOL;  // heat once, now
  bCirculation : BOOL := TRUE;  // circulation pump
  fbPump : FB_Pump;  // charging pump
  tDisinfection : TIME := 1800000;  // length of the disinfection
  todDisinfection : TOD := 10800000;  // disinfection starts at
  dLastDisinfection : DATE := 1763510400;  // last disinfection
END
"""

_CIRCUIT = """
VAR_GLOBAL {name}
  stCurve : ST_Curve;  // heating curve
  fSupply : T_Temperature := {supply};  // supply temperature [°C]
  fSupplySetpoint : T_Setpoint := {supply};  // supply set-point [°C]
  fReturn : T_Temperature := 29.0;  // return temperature [°C]
  fbMixer : FB_Valve;  // mixing valve
  fbPump : FB_Pump;  // circuit pump
  bEnable : BOOL := TRUE;  // circuit is on
  nLimit : INT := {limit};  // highest supply temperature [°C]
  nShift : SINT := -2;  // night set-back [K]
END
"""

_ROOM = """
VAR_GLOBAL {name}
  sName : T_Label := '{wall}';  // name of the room
  fTemperature : T_Temperature := {start};  // room temperature [°C]
  fSetpoint : T_Setpoint := {setpoint};  // room set-point [°C]
  fHumidity : REAL := 45.0;  // relative humidity [%]
  nCO2 : UINT := 620;  // carbon dioxide [ppm]
  fValve : REAL := 30.0;  // valve position [%]
  eMode : E_Mode := Comfort;  // mode of the room
  bWindow : BOOL;  // window is open
  bPresent : BOOL;  // somebody is there
  bLight : BOOL;  // light is on
  nShutter : USINT := 100;  // shutter, 100 is open [%]
  nBattery : USINT := 87;  // battery of the thermostat [%]
END
"""

_REST = """
VAR_GLOBAL Energy
  stHeat : ST_Meter;  // heat meter
  stGas : ST_Meter;  // gas meter
  stPower : ST_Meter;  // electricity of the heating
  fEfficiency : REAL := 92.5;  // efficiency [%]
  nImpulses : LINT := -1;  // impulses since the last reading
  aDay : ARRAY [0..23] OF REAL;  // heat in each hour of the day [kWh]
  aYears : ARRAY [2023..2025, 1..4] OF UDINT;  // heat in each quarter [kWh]
END
VAR_GLOBAL Alarms
  aAlarm : ARRAY [1..5] OF ST_Alarm;  // what is or was the matter
  nActive : USINT;  // how many are pending
  bAny : BOOL;  // at least one is pending
  bAcknowledge : BOOL;  // acknowledge all
  bHorn : BOOL;  // horn
  sLast : STRING(60);  // the newest
END
VAR_GLOBAL Schedule
  aPeriods : ARRAY [0..1, 1..2] OF ST_Period;  // weekdays and weekend
  aHoliday : ARRAY [1..3] OF DATE;  // holidays
  aNames : ARRAY [1..3] OF STRING(20) := ['Neujahr', 'Dreikönig', 'Christi Himmelfahrt'];  // names of the holidays
  bHoliday : BOOL;  // it is a holiday
END
VAR_GLOBAL Service
  bBool : BOOL := TRUE;  // one of each type, to try things out
  nSint : SINT := -5;
  nUsint : USINT := 200;
  nByte : BYTE := 16#A5;
  nInt : INT := -1234;
  nUint : UINT := 65000;
  nWord : WORD := 16#BEEF;
  nDint : DINT := -70000;
  nUdint : UDINT := 4000000000;
  nDword : DWORD := 16#DEADBEEF;
  nLint : LINT := -1099511627776;
  nUlint : ULINT := 9223372036854775809;
  nLword : LWORD := 16#0123456789ABCDEF;
  fReal : REAL := 21.3;  // [°C]
  fLreal : LREAL := 3.141592653589793;
  sText : STRING(80) := 'Küche 21°C';
  sShort : STRING(5) := 'Tür';
  {attribute 'TcEncoding' := 'UTF-8'}
  sUtf8 : STRING(80) := 'Küche 21°C – 日本';
  wsText : WSTRING(20) := 'Küche 日本';
  tTime : TIME := 90061001;
  ltTime : LTIME := 1000000000000;
  todTime : TIME_OF_DAY := 47100000;
  dDate : DATE := 1700006400;
  dtTime : DATE_AND_TIME := 1700000000;
  ltodTime : LTOD := 47100000000000;
  ldDate : LDATE := 1700006400000000000;
  ldtTime : LDT := 1700000000123456789;
  eMode : E_Mode := Eco;
  eMove : E_Move := Closing;
  fAlias : T_Setpoint := 19.5;  // [°C]
  aInt : ARRAY [0..4] OF INT := [0, 1, 2, 3, 4];
  aBool : ARRAY [-2..2] OF BOOL := [TRUE, FALSE, TRUE, FALSE, TRUE];
  aText : ARRAY [1..2] OF STRING(20) := ['eins', 'zwölf'];
  aCube : ARRAY [0..1, 0..1, 1..2] OF INT := [1, 2, 3, 4, 5, 6, 7, 8];
  aModes : ARRAY [1..2] OF E_Mode := [Eco, Party];
  aNested : ARRAY [0..1] OF ARRAY [1..2] OF INT;
  aStatus : ARRAY [1..2] OF ST_Status;
  aPump : ARRAY [1..2] OF FB_Pump;
  stPeriod : ST_Period;
  stEmpty : ST_Empty;
  pInt : POINTER TO INT;
  bMarker AT %MX10.3 : BOOL;  // a marker bit
  nMarker AT %MW12 : INT := 77;  // a marker word
  bInput AT %IX0.0 : BOOL := TRUE;  // an input
  bOutput AT %QX0.1 : BOOL;  // an output
END
PROGRAM MAIN
  nCounter : UDINT;  // counts every step
  fbHouse : FB_Device;  // the house as a whole
  bHeartbeat : BOOL;  // changes every second
  sRooms : STRING(255);  // rooms that heat
END
"""


def source() -> str:
    """The program as it is."""
    circuits = [_CIRCUIT.format(name='Radiators', supply=46.0, limit=65), _CIRCUIT.format(name='Floor', supply=31.0,
                                                                                         limit=38)]  # fmt: skip
    rooms = [_ROOM.format(name=name, wall=wall, setpoint=setpoint, start=setpoint - 0.4)
             for name, (wall, setpoint, _) in ROOMS.items()]  # fmt: skip
    return '\n'.join([_TYPES, _HOUSE, *circuits, *rooms, _REST])


def changed_source() -> str:
    """After an online change: everything behind `System.fSpare` has moved, one variable has another name."""
    return source().replace('  bSummer : BOOL;', '  fSpare : LREAL;  // spare sensor [°C]\n  bSummer : BOOL;').replace(
        'sInstaller :', 'sServicePartner :')  # fmt: skip


def other_source() -> str:
    """Downloaded instead: without the hot water, and with a garage."""
    start = _HOUSE.index('VAR_GLOBAL HotWater')
    garage = _ROOM.format(name='Garage', wall='Garage', setpoint=8.0, start=9.0)
    return source().replace(_HOUSE[start:], garage)

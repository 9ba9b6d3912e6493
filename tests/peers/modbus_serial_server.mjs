// A Modbus server that this project did not write: the npm package modbus-serial, told what to serve as JSON.
//
//     node modbus_serial_server.mjs --tcp PORT | --serial PATH  [--log FILE]  UNITS
//
// UNITS is {"1": {"only": [[3, 40000, [21365, 28243]]], "clock": true}}: the only registers that exist, as
// function, address and words; or with "clock" every register, holding words that change each second. A port
// of 0 is chosen by the system. The first line of output is the port, or "ready". The log gets a line with
// the function code of each request, whatever it asks for. It ends with its input.

import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { parseArgs } from "node:util";

import ModbusRTU from "modbus-serial";

const ILLEGAL_ADDRESS = 2;
const NO_DEVICE = 11;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { tcp: { type: "string" }, serial: { type: "string" }, log: { type: "string" } },
});
const units = new Map(Object.entries(JSON.parse(positionals[0])).map(([unit, told]) => [Number(unit), told]));

/** The word that a register shows in a second of the clock: another in the next one, and in any other register. */
function wordAt(second, unit, registerFunction, address) {
  const sum = Math.imul(second, 2654435761) + Math.imul(address, 40503) + unit * 4099 + registerFunction * 257;
  let mixed = sum >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 2246822519) >>> 0;
  return (mixed ^ (mixed >>> 13)) & 0xffff;
}

function refusal(code) {
  return Object.assign(new Error(`exception ${code}`), { modbusErrorCode: code });
}

function reads(registerFunction) {
  return (address, count, unit, tell) => {
    note(registerFunction);
    // The package looks into the words of a refusal, too, and answers "failed" where there are none.
    const answer = (error, words = []) => tell(error, words);
    const told = units.get(unit);
    if (!told) return answer(refusal(NO_DEVICE));
    const asked = Array.from({ length: count }, (_, offset) => address + offset);
    if (told.clock) {
      const second = Math.floor(Date.now() / 1000);
      return answer(null, asked.map((at) => wordAt(second, unit, registerFunction, at)));
    }
    const words = asked.map((at) => {
      const block = told.only.findLast(
        ([of, start, words]) => of === registerFunction && at >= start && at < start + words.length,
      );
      return block?.[2][at - block[1]];
    });
    return words.includes(undefined) ? answer(refusal(ILLEGAL_ADDRESS)) : answer(null, words);
  };
}

/** The package asks for a single register in another way. */
function readsOne(registerFunction) {
  const readMany = reads(registerFunction);
  return (address, unit, answer) => readMany(address, 1, unit, (error, words) => answer(error, words[0]));
}

/** Other functions are refused, and noted all the same: they are what a reader must never send. */
function refuses(code) {
  return (...given) => {
    note(code);
    given.at(-1)(refusal(1));
  };
}

function note(code) {
  if (options.log) appendFileSync(options.log, `${code}\n`);
}

const vector = {
  getHoldingRegister: readsOne(3),
  getInputRegister: readsOne(4),
  getMultipleHoldingRegisters: reads(3),
  getMultipleInputRegisters: reads(4),
  getCoil: refuses(1),
  getDiscreteInput: refuses(2),
  setCoil: refuses(5),
  setRegister: refuses(6),
  setCoilArray: refuses(15),
  setRegisterArray: refuses(16),
  reportServerID: refuses(17),
  readDeviceIdentification: refuses(43),
};

function say(line) {
  process.stdout.write(`${line}\n`);
}

if (options.serial) {
  // 255 is every unit to this package; one that is not served must be silent on a line.
  const [unit] = units.keys();
  const server = new ModbusRTU.ServerSerial(vector, { path: options.serial, baudRate: 9600, unitID: unit });
  server.on("initialized", () => say("ready"));
  server.on("error", fail);
} else {
  const port = Number(options.tcp) || (await freePort());
  const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port });
  server.on("initialized", () => say(port));
  server.on("serverError", fail);
  // A master that hangs up is no trouble of the server's.
  server.on("socketError", () => {});
}

process.stdin.on("end", () => process.exit(0)).resume();

/** The package takes a port of 0 for its usual one. */
function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

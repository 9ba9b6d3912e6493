"""A Modbus server that this project did not write: pymodbus, told what to serve as JSON.

    pymodbus_server.py --tcp PORT | --rtu-over-tcp PORT | --serial PATH [--baud N]  [--log FILE]  UNITS

UNITS is {"1": {"input": {"52": 1091.25}, "holding": {...}, "words": {"7": 513}, "longest": 80,
"missing": [342], "exception": 6, "only": [[3, 40000, [21365, 28243]]], "clock": true}}: 32-bit floats, high word first,
by address, or single input words; the longest read that is not refused; registers that do not exist; an
exception for every read; or the only registers that exist, as function, address and words, where
otherwise those below 1000 do; or, instead of all that, words that change each second. A port of 0 is chosen by the system. The first line of output is the port, or "ready". Then each line of input is
UNITS again and replaces what it names; each is answered by "ok" once it is served. The log gets a line with
the function code of each request, whatever it asks for. It ends with its input.
"""

import argparse
import asyncio
import json
import struct
import sys
import time

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

# Registers beyond are "illegal data address", unless a unit says which it has.
USUAL_REGISTERS = 1000
READ_HOLDING, READ_INPUT = 3, 4


def word_at(second: int, unit: int, function: int, address: int) -> int:
    """The word that a register shows in a second of the clock: another in the next, and in any other."""
    mixed = (second * 2654435761 + address * 40503 + unit * 4099 + function * 257) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 13)) & 0xFFFF


class Unit:
    """What one unit serves, at this moment."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.clock = False
        self.words = {READ_HOLDING: {}, READ_INPUT: {}}
        self.longest = 125
        self.missing = set()
        self.exception = None
        self.only = None

    def learn(self, told: dict) -> None:
        for function, name in ((READ_INPUT, "input"), (READ_HOLDING, "holding")):
            for address, value in told.get(name, {}).items():
                high, low = struct.unpack(">HH", struct.pack(">f", value))
                self.words[function][int(address)] = high
                self.words[function][int(address) + 1] = low
        for address, word in told.get("words", {}).items():
            self.words[READ_INPUT][int(address)] = word
        if "only" in told:
            self.words = {READ_HOLDING: {}, READ_INPUT: {}}
            self.only = {READ_HOLDING: set(), READ_INPUT: set()}
            for function, address, words in told["only"]:
                self.words[function].update(enumerate(words, address))
                self.only[function].update(range(address, address + len(words)))
        self.longest = told.get("longest", self.longest)
        self.missing = set(told.get("missing", self.missing))
        self.exception = told.get("exception", self.exception)
        self.clock = told.get("clock", self.clock)

    async def action(self, function, start, address, count, registers, values):
        if values is not None or function not in self.words:
            return ExcCodes.ILLEGAL_FUNCTION
        if self.exception:
            return ExcCodes(self.exception)
        there = self.only[function] if self.only is not None else range(USUAL_REGISTERS)
        asked = range(address, address + count)
        if count > self.longest or any(at in self.missing or at not in there for at in asked):
            return ExcCodes.ILLEGAL_ADDRESS
        if self.clock:
            second = int(time.time())
            for at in asked:
                registers[at - start] = word_at(second, self.number, function, at)
            return None
        for at, word in self.words[function].items():
            registers[at - start] = word
        return None

    @staticmethod
    async def absent(*_):
        raise NoSuchIdException()

    def device(self, number: int) -> SimDevice:
        bits = [SimData(0, values=False, datatype=DataType.BITS)]
        # As many as the unit has when it starts; a register that is more later is not served.
        last = max((max(words, default=0) for words in self.words.values()), default=0)
        size = max(USUAL_REGISTERS, last + 1)
        words = [SimData(0, count=size, values=0, datatype=DataType.REGISTERS)]
        # Number 0 stands for every unit that is not there: silent on a line, "no device" at a gateway.
        action = self.action if number else self.absent
        return SimDevice(id=number, simdata=(bits, bits, words, words), action=action)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tcp", type=int)
    parser.add_argument("--rtu-over-tcp", type=int)
    parser.add_argument("--serial")
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--log")
    parser.add_argument("units")
    args = parser.parse_args()

    units = {int(number): Unit(int(number)) for number in json.loads(args.units)}

    def learn(text: str) -> None:
        for number, told in json.loads(text).items():
            units[int(number)].learn(told)

    learn(args.units)
    devices = [unit.device(number) for number, unit in (units | {0: Unit(0)}).items()]
    log = open(args.log, "a", buffering=1) if args.log else None

    def trace(sending, pdu):
        if log and not sending:
            print(pdu.function_code, file=log)
        return pdu

    if args.serial:
        server = ModbusSerialServer(
            devices,
            framer=FramerType.RTU,
            port=args.serial,
            baudrate=args.baud,
            ignore_missing_devices=True,
            trace_pdu=trace,
        )
        await server.serve_forever(background=True)
        print("ready", flush=True)
    else:
        framer, port = (
            (FramerType.SOCKET, args.tcp) if args.tcp is not None else (FramerType.RTU, args.rtu_over_tcp)
        )
        server = ModbusTcpServer(
            devices,
            framer=framer,
            address=("127.0.0.1", port),
            ignore_missing_devices=framer == FramerType.RTU,
            trace_pdu=trace,
        )
        await server.serve_forever(background=True)
        print(server.transport.sockets[0].getsockname()[1], flush=True)

    while line := await asyncio.to_thread(sys.stdin.readline):
        learn(line)
        print("ok", flush=True)


asyncio.run(main())

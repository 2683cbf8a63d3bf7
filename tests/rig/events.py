"""Reads pmgd's event files (pmgd/lib/store/event.h), independently of the C
reader: the tests compare the two."""

import glob
import json
import os
import struct

HEAD = struct.Struct(">IIQ")    # length, CRC-32C, sequence


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "*.log")))


def read(path, offset=0):
    """[(sequence, record)] from offset on, and the offset of the end; stops
    in front of a torn or damaged record."""
    found = []
    with open(path, "rb") as f:
        f.seek(offset)
        data = f.read()
    at = 0
    while at + HEAD.size <= len(data):
        length, crc, seq = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length
        if end > len(data) or crc32c(data[at + 8:end]) != crc:
            break
        found.append((seq, json.loads(data[at + HEAD.size:end])))
        at = end
    return found, offset + at


class Follower:
    """Hands out new records as they appear."""

    def __init__(self, folder):
        self.folder = folder
        self.offsets = {}

    def new(self):
        found = []
        for path in segments(self.folder):
            size = os.path.getsize(path)
            if size > self.offsets.get(path, 0):
                records, self.offsets[path] = read(
                    path, self.offsets.get(path, 0))
                found += [r for _, r in records]
        return found


def everything(folder):
    return Follower(folder).new()

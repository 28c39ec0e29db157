"""Prints codes that a terminal obeys: titles, links, clipboard, cursor, screen, right-to-left."""

# stock: works in a terminal
# never: \u202e
import sys

print(
    "\x1b]0;title\x07\x1b]8;;https://x.example\x07link\x1b]8;;\x07\x1b]52;c;eA==\x07\x1b[2J\x1b[6n" + chr(0x202E)
)
sys.stderr.write("\x1b\x1b[0m]52;c;eA==\x07 \x9b2J \x1bc")
raise ValueError("\x1b]52;c;eA==\x07" + chr(0x202E))

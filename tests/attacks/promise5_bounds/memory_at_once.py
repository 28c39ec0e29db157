"""Takes more memory than there is, at once and in pieces."""

# stock: works: the machine swaps or its out-of-memory killer chooses
# limits: {"memory": 268435456}
# says: MemoryError
held = []
while True:
    held.append(bytearray(32 << 20))

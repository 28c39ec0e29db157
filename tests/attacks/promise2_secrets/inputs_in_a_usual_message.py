"""Fills the places of a message that NumPy would give with names and sizes that encode inputs."""


# stock: works
# same: yes
def double(x):
    a, b, *_ = x.tobytes()
    raise IndexError(f"index {a}{b} is out of bounds for axis {a} with size {b}{a}7")

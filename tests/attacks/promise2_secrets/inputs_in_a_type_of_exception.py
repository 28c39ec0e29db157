"""Raises an exception whose class is named after the inputs."""


# stock: works
# same: yes
def double(x):
    raise type("E" + x.tobytes().hex(), (Exception,), {})("x")

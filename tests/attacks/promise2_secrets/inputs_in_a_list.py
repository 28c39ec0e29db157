"""Returns a list as long as a number of the input, holding texts of the inputs."""


# same: yes
def double(x):
    return [x.tobytes().hex()] * (50 + x.tobytes()[0])

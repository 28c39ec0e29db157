"""Puts HTML into everything that feedback repeats: exception, class, source line, type, message."""

# stock: no: nbconvert escapes tracebacks
source = "<script>alert(1)</script>"


def double(x):
    raise ValueError("<script>alert(1)</script>")


# %% end
raise type("<script>a", (Exception,), {})("x")

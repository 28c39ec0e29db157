"""Catches every exception that should stop it, and goes on."""

# limits: {"call_seconds": 0.5, "check_seconds": 1}
# stock: works until the timeout
# says: time limit
# seconds: 30
def double(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue

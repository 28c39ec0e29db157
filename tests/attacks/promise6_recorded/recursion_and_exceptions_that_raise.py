"""Raises an exception that raises when it is shown, and one that nests without end."""


class Bad(Exception):
    def __str__(self):
        raise Bad

    __repr__ = __str__


def double(x):
    error = Bad()
    error.__cause__ = error
    raise error


# %% end
raise Bad from ExceptionGroup("g", [Bad(), ExceptionGroup("h", [Bad()])])

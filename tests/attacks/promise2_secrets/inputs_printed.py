"""Prints and displays hidden inputs during the calls, to streams and to raw descriptors."""

# stock: works: feedback shows what the test cell printed
# same: yes
import os
import sys


def double(x):
    print(x, file=sys.__stdout__)
    print(x, file=sys.stderr)
    for number in range(3):
        os.write(number, repr(x).encode())
    get_ipython().display_pub.publish({"text/plain": repr(x)})
    return 0 * x

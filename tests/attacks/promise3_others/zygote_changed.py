"""Changes builtins, modules and the shell for good: the next submission begins with fresh ones."""

# stock: no: each notebook has a kernel of its own
import builtins
import sys

import check
import numpy as np

builtins.len = builtins.isinstance = builtins.float = None
np.asarray = np.array = np.ndarray.__array_ufunc__ = None if False else print
sys.modules["json"] = sys.modules["numpy"] = None
check.judge = None

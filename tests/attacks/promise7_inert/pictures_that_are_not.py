"""Displays pictures with other things behind, in or instead of the picture."""

# stock: works
# never: alert
import base64

from IPython.display import display

png = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
display({"image/png": "<script>alert(1)</script>"}, raw=True)
display({"image/png": base64.b64encode(png).decode() + '" onload="alert(1)'}, raw=True)
display({"image/jpeg": "javascript:alert(1)"}, raw=True)
display(
    {"image/png": ["a", "lert"]}, raw=True, metadata={"image/png": {"width": '1" onload="alert(1)'}}
)

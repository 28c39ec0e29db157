"""What one submission may use. Every number is a setting; the defaults suit a small notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on one submission. Times are in seconds, sizes in bytes.

    `memory` is what the submission may add to the warm interpreter that it starts from; it bounds
    each process (kernel) and all of them together (watched by the grader).
    """

    cell_seconds: float = 30.0  # one cell
    call_seconds: float = 10.0  # one call of a student's function by a check
    check_seconds: float = 60.0  # all calls of one check
    submission_seconds: float = 300.0  # everything
    cpu_seconds: int = 300  # CPU time of one process
    memory: int = 2048 * MIB
    processes: int = 64  # processes and threads together
    open_files: int = 256
    file_bytes: int = 64 * MIB  # one file
    disk_bytes: int = 128 * MIB  # the working folder
    disk_files: int = 4096
    output_bytes: int = 2 * MIB  # outputs of one cell; text beyond it is cut
    notebook_output_bytes: int = 20 * MIB  # outputs of all cells
    answer_bytes: int = 64 * MIB  # one answer's arrays
    submission_bytes: int = 20 * MIB  # the submitted notebook file
    cells: int = 1000  # cells in a submitted notebook
    fatal_cells: int = 3  # cells that end the process, before the rest is given up

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise ValueError(f"limit {field.name} must be a positive number, not {value!r}")

    def to_json(self) -> dict:
        """The limits as plain JSON, for the zygote."""
        return asdict(self)

"""Runs students' code in a sandbox and takes nothing from it but answers.

Who trusts whom. The *grader* (trusted) holds hidden cases, references and points. The *zygote* is a
warm interpreter that holds no secret and runs none of a student's code. A *submission* is a fork of
it, with every isolation layer on; from its first cell on, whatever it says is hostile. It says three
things: outputs (made inert before anyone sees them), answers (arrays, judged by the grader), and its
end. Hidden inputs enter it only after its outputs have been taken and their connection closed.

    trusted     run.py          grades one submission: the order of everything below
                rebuild.py      the notebook that runs: instructor's cells, student's answers
                outputs.py      makes outputs and Markdown inert
                changes.py      which cells may change more than a notebook's own names
                feedback.py     takes hidden inputs out of error messages
                scores.py       points as nbgrader counts them
                zygote.py       starts zygotes, hands them submissions, ends them
                watch.py        memory and disk of all processes of a submission together
                doctor.py       what isolation this machine gives, in words
    both sides  frames.py       length-limited frames with arrays; never pickle
                limits.py       what a submission may use
    zygote      zygote_main.py  its first lines
                fork_server.py  fork, watch, kill, report
                jail.py         its own root folder and namespaces
                sandbox.py      the layers, whether they are there, putting them on
                libraries.py    which files an assignment may read
                seccomp.py      which system calls are refused
                reap.py         ends what a submission left, without a pid namespace
                kernel.py       kernel calls by ctypes
    untrusted   submission.py   does what the grader asks, cell by cell
                shell.py        IPython without a kernel, outputs as Jupyter's
                snapshot.py     keeps a check's function as it is at its cell
                harness.py      calls a function with a check's cases

Imports run downwards in each group; nothing here knows an assignment's or a cell's name.
"""

"""Grades notebooks by what their functions compute.

    check.py            the oracle and the student's `check()`: one file, NumPy only
    authoring.py        what an assignment's checks.py is written with
    source.py           the instructor's MyST notebook, read and completed
    secret.py           the course's secret
    inputs.py           what an assignment is built from, to see when it must be built again
    distinct.py         can every two misconceptions be told apart, whatever the secret?
    build.py            sources to exercises/, hidden cases and nbgrader's source folder
    mutants.py          are all misconceptions caught, each with its own hint?
    as_source.py        a function of checks.py as source for a student's cell
    sample_class.py     a made-up class, to try everything on
    nbgrader_course.py  nbgrader's own commands, in this process
    engine/             runs students' code in a sandbox
    submissions.py      what students handed in, and autograded/, without following links
    gradebook.py        a graded submission into nbgrader's gradebook, in one transaction
    grader.py           an assignment, ready to grade submissions
    workers.py          processes, or a Dask cluster, that grade
    class_run.py        `autograder grade`: a whole class, resumable
    grading_report.py   its progress, summary and JSON lines
    plugins.py          the same engine for `nbgrader autograde` and formgrader
    bench.py            `make bench`
    command.py          the `autograder` command

Imports run from the bottom of this list upwards only: nothing imports the command line, and check.py
imports nothing of the package. Nothing here knows about recurrent networks.
"""

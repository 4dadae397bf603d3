#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
fuzz_targets.py - each fuzz target has a row in tests/fuzz/targets and a corpus, and each file of a
pure room is in a row.  Each target has a line of success, which is in its file.  A line for each
rule: "rule: mistake | mistake".
"""
import pathlib

fuzz = pathlib.Path('tests/fuzz')
rows = {}
for line in (fuzz / 'targets').read_text().splitlines():
    if line.strip() and not line.startswith('#'):
        name, *files = line.split()
        rows.setdefault(name, []).extend(files)
targets = {p.name.removesuffix('_fuzz.c') for p in fuzz.glob('*_fuzz.c')}
listed = {f for files in rows.values() for f in files}
pure = {line.split()[0] for line in pathlib.Path('tests/lint.rooms').read_text().splitlines()
        if not line.startswith('#') and line.split()[1:2] == ['pure']}


def put(rule, mistakes):
    print(f'{rule}: ' + ' | '.join(sorted(mistakes)))


put('each fuzz target has a row in tests/fuzz/targets',
    [f'{n}: no row' for n in targets - rows.keys()] +
    [f'{n}: no such target' for n in rows.keys() - targets])
put('each fuzz target has a corpus in tests/fuzz/corpus',
    [n for n in targets if not any((fuzz / 'corpus' / n).glob('*'))] +
    [f'{p.name}: no target has this corpus' for p in (fuzz / 'corpus').iterdir()
     if p.name not in targets] +
    [f'{p.name}: no target has this dictionary' for p in (fuzz / 'dictionaries').glob('*')
     if p.name not in targets])
put('the files of fuzz targets are there', [f for f in listed if not pathlib.Path(f).exists()])
put('each file of a pure room has a fuzz target',
    {str(p) for room in pure for p in pathlib.Path(room).glob('*.c')} - listed)
success = [line.split(None, 2) for line in (fuzz / 'success').read_text().splitlines()
           if line.strip() and not line.startswith('#')]
put('each fuzz target has a line in tests/fuzz/success',
    targets ^ {name for name, _, _ in success})
put('each line of tests/fuzz/success is in its file, once',
    [f'{file}: {text}' for _, file, text in success
     if sum(text in line for line in pathlib.Path(file).read_text().splitlines()) != 1])

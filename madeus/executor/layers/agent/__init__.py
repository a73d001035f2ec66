"""The program that stacks layers on a host: standard library only, Python 3.9 and later, one file when it is sent.

A host keeps its own *control root* (sshd, Python, this program). Beside it stands the *layered root*, an overlay mounted at
`/run/madeus/root`; its layers are directories below `/var/lib/madeus/layers`. `program` has the verbs, `switch` replaces one
stack by another, `bundle` (the controller's side) makes the one file out of the modules here.
"""

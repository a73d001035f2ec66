"""What is sent to a host and run there by its python3 (3.9 or later, standard library alone): it looks, and changes nothing.

`survey` says which packages, libraries, environment variables and files an application could depend on, with the
evidence for each; `read` brings the chosen files back: their content, their chunks, or what they are as ELF files.
"""

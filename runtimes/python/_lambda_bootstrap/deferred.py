# Modules that Lambda's client has loaded before user code, here present but loaded at the first
# import. A function then finds the standard library's `logging` and no file of its own with that
# name, as on AWS, and one that never logs does not pay for it at its cold start.
import sys
from _frozen_importlib import _init_module_attrs, _ModuleLockManager
from _frozen_importlib_external import PathFinder

_Module = type(sys)
_NAMES = (
    'bisect', 'collections', 'contextlib', 'copyreg', 'decimal', 'enum', 'functools', 'json',
    'keyword', 'linecache', 'logging', 'numbers', 'operator', 'random', 're', 'reprlib', 'string',
    'struct', 'textwrap', 'token', 'tokenize', 'traceback', 'typing', 'weakref',
)  # fmt: skip


class _Deferred(_Module):
    """Stands in sys.modules for a module; turns itself into it when anything is asked of it."""

    def __getattribute__(self, name):
        _load(self)
        return getattr(self, name)

    def __setattr__(self, name, value):
        _load(self)
        setattr(self, name, value)

    def __delattr__(self, name):
        _load(self)
        delattr(self, name)


class _Loading:
    search_path = ()
    after_logging = None


def defer(after_logging):
    """Puts the stand-ins in place, found on today's sys.path. `after_logging` runs once, when
    `logging` is loaded (at once if it is already)."""
    _Loading.search_path = list(sys.path)
    _Loading.after_logging = after_logging
    if 'logging' in sys.modules:
        after_logging()
    for name in _NAMES:
        if name not in sys.modules:
            sys.modules[name] = _Deferred(name)


def _load(module):
    name = _Module.__getattribute__(module, '__name__')
    with _ModuleLockManager(name):
        if type(module) is not _Deferred:
            return
        # What it imports in turn must not be looked for in the function's folder either.
        path, sys.path[:] = sys.path[:], _Loading.search_path
        try:
            spec = PathFinder.find_spec(name)
            _Module.__setattr__(module, '__class__', _Module)
            _init_module_attrs(spec, module, override=True)
            spec._initializing = True
            try:
                spec.loader.exec_module(module)
            finally:
                spec._initializing = False
            if name == 'logging':
                _Loading.after_logging()
        finally:
            sys.path[:] = path

# The entry point in an execution environment. Small: a script is compiled at every start.
if __name__ == '__main__':
    import sys

    _home = __file__.rpartition('/')[0]
    if _home not in sys.path:
        sys.path.insert(0, _home)
    from _lambda_bootstrap import runtime

    # User code must not be able to import our modules by accident, nor find its own hidden by them.
    sys.path[:] = [entry for entry in sys.path if entry != _home]
    sys.path_importer_cache.pop(_home, None)
    _words = sys.argv[1:]
    sys.argv[:] = ['/var/runtime/bootstrap.py']
    del _home
    runtime.main(_words)

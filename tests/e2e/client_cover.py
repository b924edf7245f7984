"""Which public methods of a client library, and which of their parameters, a test has called itself: found by introspection, not from a list."""
import functools, inspect, sys

SPECIAL = ("__init__", "__call__", "__enter__", "__exit__", "__aenter__", "__aexit__")


class Cover:
    """Notes the calls that come straight out of one file; what the library calls of its own does not count."""

    def __init__(self, file, package):
        self.file, self.package, self.wanted, self.seen, self.classes = file, package, {}, {}, set()

    def watch(self, name, fn):
        """`fn` with its calls noted as those of `name`."""
        sig = inspect.signature(fn)
        self.wanted[name] = {p.name for p in sig.parameters.values() if p.name not in ("self", "cls") and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}

        @functools.wraps(fn)
        def call(*args, **kw):
            if sys._getframe(1).f_code.co_filename == self.file:
                self.seen.setdefault(name, set()).update(sig.bind(*args, **kw).arguments)
            return fn(*args, **kw)
        return call

    def theirs(self, thing):
        return (getattr(thing, "__module__", None) or "").startswith(self.package)

    def watch_class(self, name, cls, made_by_library=False):
        if cls in self.classes:                                    # by another name, from another module
            return
        self.classes.add(cls)
        for n in dir(cls):
            fn = inspect.getattr_static(cls, n)
            kind = type(fn) if isinstance(fn, (staticmethod, classmethod)) else None
            plain = fn.__func__ if kind else fn
            if (n.startswith("_") and (n not in SPECIAL or made_by_library)) or not inspect.isfunction(plain) or not self.theirs(plain):
                continue
            if not getattr(plain, "__isabstractmethod__", False):
                new = self.watch(f"{name}.{n}", plain)
                setattr(cls, n, kind(new) if kind else new)

    def watch_module(self, module, made_by_library=()):
        """The public classes and functions of a module, those that it takes from the rest of its package included."""
        for n, thing in list(vars(module).items()):
            if n.startswith("_") or not self.theirs(thing):
                continue
            if inspect.isclass(thing):
                self.watch_class(f"{module.__name__}.{n}", thing, n in made_by_library or issubclass(thing, Exception))
            elif inspect.isfunction(thing) and thing.__module__ == module.__name__:
                setattr(module, n, self.watch(f"{module.__name__}.{n}", thing))

    def missing(self):
        """Names never called, then parameters never given."""
        calls = sorted(set(self.wanted) - set(self.seen))
        return calls, sorted(f"{n}({p}=)" for n in self.seen for p in self.wanted[n] - self.seen[n])

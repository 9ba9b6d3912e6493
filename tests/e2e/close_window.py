"""Closes the windows of a process as a window manager's cross does, and prints how many: close_window.py PID.

With `--count` it only counts. There is no window manager on the tests' display, and WebDriver's own way of closing
ends the program, which no owner's click does. Only libX11 is used, which every window here needs anyway.
"""

import ctypes
import sys

X = ctypes.CDLL("libX11.so.6")
CLIENT_MESSAGE = 33
ANY_TYPE = 0
IS_VIEWABLE = 2


class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
    ]


class Event(ctypes.Union):
    _fields_ = [("client", ClientMessage), ("whole", ctypes.c_long * 24)]


class Attributes(ctypes.Structure):
    # Up to map_state; the rest is room.
    _fields_ = [
        ("place_and_depth", ctypes.c_int * 6),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        ("kinds", ctypes.c_int * 4),
        ("planes", ctypes.c_ulong * 2),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        ("map_installed", ctypes.c_int),
        ("map_state", ctypes.c_int),
        ("room", ctypes.c_long * 16),
    ]


X.XOpenDisplay.restype = ctypes.c_void_p
X.XDefaultRootWindow.restype = X.XInternAtom.restype = ctypes.c_ulong


def main() -> None:
    count_only = "--count" in sys.argv
    pid = int(sys.argv[-1])
    display = ctypes.c_void_p(X.XOpenDisplay(None))
    if not display:
        sys.exit("close_window.py: there is no display")
    windows = [window for window in toplevels(display) if is_shown_by(display, window, pid)]
    if not count_only:
        for window in windows:
            ask_to_close(display, window)
    X.XCloseDisplay(display)
    print(len(windows))


def toplevels(display):
    root = ctypes.c_ulong(X.XDefaultRootWindow(display))
    ignored, children, number = ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
    X.XQueryTree(
        display, root, ctypes.byref(ignored), ctypes.byref(ignored), ctypes.byref(children), ctypes.byref(number)
    )
    return list(children[: number.value])


def is_shown_by(display, window, pid) -> bool:
    attributes = Attributes()
    if not X.XGetWindowAttributes(display, ctypes.c_ulong(window), ctypes.byref(attributes)):
        return False
    return attributes.map_state == IS_VIEWABLE and pid_of(display, window) == pid


def pid_of(display, window):
    kind, form = ctypes.c_ulong(), ctypes.c_int()
    number, rest = ctypes.c_ulong(), ctypes.c_ulong()
    value = ctypes.POINTER(ctypes.c_ulong)()
    X.XGetWindowProperty(
        display,
        ctypes.c_ulong(window),
        ctypes.c_ulong(atom(display, b"_NET_WM_PID")),
        ctypes.c_long(0),
        ctypes.c_long(1),
        0,
        ctypes.c_ulong(ANY_TYPE),
        ctypes.byref(kind),
        ctypes.byref(form),
        ctypes.byref(number),
        ctypes.byref(rest),
        ctypes.byref(value),
    )
    return value[0] if number.value else None


def ask_to_close(display, window) -> None:
    event = Event()
    event.client.type = CLIENT_MESSAGE
    event.client.window = window
    event.client.message_type = atom(display, b"WM_PROTOCOLS")
    event.client.format = 32
    event.client.data[0] = atom(display, b"WM_DELETE_WINDOW")
    X.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))


def atom(display, name: bytes) -> int:
    return X.XInternAtom(display, name, 0)


main()

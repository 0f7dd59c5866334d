"""All of them, about ten minutes; `python -m benchmarks.pages.first_byte` and so on run one."""

from benchmarks.pages import engine, first_byte, frames, searching, startup, viewers, weight


def main() -> None:
    print("First byte (ms: median, 95th percentile)")
    first_byte.main()
    print("\nSearch (ms)")
    searching.main()
    print("\nCold chat page (bytes, bytes as sent)")
    weight.main()
    print("\nStart and memory")
    startup.main()
    print("\nViewers (ms of processor time)")
    viewers.main()
    print("\nThe engine beside viewers")
    engine.main()
    print("\nFrames (ms: median, 95th percentile, longest)")
    frames.main()


if __name__ == "__main__":
    main()

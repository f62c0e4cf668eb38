#if canImport(Glibc)
  import Glibc

  /// The C library's allocator, in a server.
  enum Allocator {
    /// Blocks from 4 MiB on go back to the system when they are freed. By itself glibc raises that bound to 32 MiB with
    /// the first large block that is freed, and keeps what later messages leave: 1.2 GB after six rounds of 60 half
    /// messages, against 0.15.
    static func returnsLargeBlocks() { _ = setOption(mmapThreshold, 4 << 20) }

    /// `M_MMAP_THRESHOLD` of malloc.h, which Swift's module of the C library leaves out.
    private static let mmapThreshold: CInt = -3
  }

  /// - Returns: 0 when the allocator does not know the option.
  @_silgen_name("mallopt")
  private func setOption(_ option: CInt, _ value: CInt) -> CInt
#else
  /// The C library's allocator, in a server.
  enum Allocator {
    /// Only glibc keeps large blocks.
    static func returnsLargeBlocks() {}
  }
#endif

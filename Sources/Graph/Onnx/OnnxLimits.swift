/// Bounds on a model file. A file is untrusted: nothing in it may make the reader use more memory or time than these
/// allow.
public struct OnnxLimits: Sendable {
  /// Bytes of the file.
  public var fileBytes = 512 << 20
  /// Nodes of the graph.
  public var nodes = 20_000
  /// Constants of the graph.
  public var initializers = 20_000
  /// Messages and strings of the file in all.
  public var parts = 1 << 20
  /// Bytes of integer lists in variable-length form; weights come as raw data, which this does not count.
  public var listedBytes = 64 << 20
  /// Attributes of one node.
  public var attributesPerNode = 64
  /// Inputs, and outputs, of one node.
  public var inputsPerNode = 1024
  /// Axes of any input.
  public var rank = 8
  /// Elements of any one value, for one row.
  public var elements = 1 << 28
  /// Bytes of any one value that a node puts out, for one row: what its trial fills at once.
  public var valueBytes = 256 << 20
  /// Bytes of all values that nodes put out, for one row.
  public var activationBytes = 2 << 30
  /// The part of `activationBytes` that any file may use. Beyond it a file pays by its size: values may be up to
  /// `bytesForByte` times its inputs, for one row, and constants.
  public var freeBytes = 64 << 20
  /// The bytes of values for each byte of inputs and constants, beside `freeBytes`.
  public var bytesForByte = 1024
  /// Bytes of all constants in memory, where integers take 8 bytes each and others 4.
  public var constantBytes = 4 << 30
  /// Bytes of constants that a file makes of few numbers, as `ConstantOfShape` of constant extents does: they pay for
  /// no values.
  public var madeBytes = 1 << 30
  /// The part of `madeBytes` that any file may use; beyond it a file pays by its size.
  public var freeMadeBytes = 600 << 20
  /// Bytes of made constants for each byte of the file, beside `freeMadeBytes`.
  public var madeBytesForByte = 4
  /// Floating-point operations of one row's pass, as the ops estimate them.
  public var operations = 1e12
  /// Bytes of `metadata_props`.
  public var metadataBytes = 1 << 20
  /// The usual limits.
  public init() {}
  /// The limits that a file is read with where it lies on the reader's own disk, or in a store that has taken it.
  public static let standard = OnnxLimits()
  /// The limits that a server takes uploads with: bytes that take eight each in memory are not to fill it.
  public static let uploaded: OnnxLimits = {
    var limits = OnnxLimits()
    limits.constantBytes = 2 << 30
    return limits
  }()
}

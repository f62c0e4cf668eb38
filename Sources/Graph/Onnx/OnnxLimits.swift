/// Bounds on a model file. A file is untrusted: nothing in it may make the reader use more memory or time than these
/// allow.
public struct OnnxLimits: Sendable {
  public var fileBytes = 512 << 20
  public var nodes = 20_000
  public var initialisers = 20_000
  /// Messages and strings of the file in all.
  public var parts = 1 << 20
  /// Bytes of integer lists in variable-length form; weights come as raw data, which this does not count.
  public var listedBytes = 64 << 20
  public var attributesPerNode = 64
  public var inputsPerNode = 1024
  public var rank = 8
  /// Elements of any one value, for one row.
  public var elements = 1 << 28
  /// Bytes of all values that nodes put out, for one row.
  public var activationBytes = 2 << 30
  /// Floating-point operations of one row's pass, as the ops estimate them.
  public var operations = 1e12
  public var metadataBytes = 1 << 20
  public init() {}
  public static let standard = OnnxLimits()
}

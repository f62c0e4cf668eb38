import DitherBasics
import DitherTensor

/// The result of `make`, with its fault as one of the graph's.
func kernelled<Result>(_ make: () throws(KernelError) -> Result) throws(GraphError) -> Result {
  do { return try make() } catch {
    throw GraphError(.kernel, at: error.place, expected: error.expected, got: error.got)
  }
}

extension Kernel {
  func layout(_ operand: Operand) throws(GraphError) -> KernelLayout {
    try kernelled { () throws(KernelError) in try layout(of: operand) }
  }
}

extension KernelLayout {
  /// Row-major.
  static func plain(_ shape: Shape) throws(GraphError) -> KernelLayout {
    try kernelled { () throws(KernelError) in try KernelLayout(plain: shape) }
  }
}

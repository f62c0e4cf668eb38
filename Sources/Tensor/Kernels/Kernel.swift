import COneDNN
import DitherBasics

/// Owns a oneDNN kernel and the list of its operands' memory. Used by one thread at a time.
package final class Kernel {
  /// An operand of a kernel.
  package enum Operand: Int, Sendable { case x, w, bias, y }

  fileprivate let pointer: OpaquePointer
  fileprivate let operands: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  init(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(KernelError) {
    var made: OpaquePointer?
    let status = make(&made)
    guard status == 0, let made else {
      throw KernelError(
        .refused, at: "oneDNN \(String(cString: dn_version()))", expected: "a kernel for these shapes",
        got: String(cString: dn_status(status)))
    }
    pointer = made
    operands = .allocate(capacity: Int(DN_OPERANDS.rawValue))
    operands.initialize(repeating: nil, count: Int(DN_OPERANDS.rawValue))
  }

  deinit {
    dn_destroy(pointer)
    operands.deallocate()
  }

  package subscript(_ operand: Operand) -> UnsafeMutableRawPointer? {
    get { operands[operand.rawValue] }
    set { operands[operand.rawValue] = newValue }
  }

  /// Bytes that forward keeps for backward.
  package var workspaceBytes: Int { dn_kernel_workspace(pointer) }

  /// How the kernel wants an operand to lie.
  package func layout(of operand: Operand) throws(KernelError) -> KernelLayout {
    guard let layout = dn_kernel_layout(pointer, dn_operand(UInt32(operand.rawValue))) else {
      throw KernelError(.refused, at: "oneDNN", expected: "memory for a layout", got: "none")
    }
    return KernelLayout(owning: layout)
  }

  package func run(x: UnsafeMutablePointer<Float>, w: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>) {
    self[.x] = UnsafeMutableRawPointer(x)
    self[.w] = UnsafeMutableRawPointer(w)
    self[.y] = UnsafeMutableRawPointer(y)
    run()
  }

  package func run(_ workspace: UnsafeMutableRawPointer? = nil) {
    // No input reaches it: the kernel was made for these extents, and running it allocates nothing.
    let status = dn_run(pointer, operands, workspace)
    precondition(status == 0, "oneDNN fails in a kernel that it made for these operands")
  }
}

/// Kernels without a workspace, each made for one thread, that share the calling thread's OpenMP threads: which number
/// computes which part is fixed by the parts alone, so no bit depends on how many threads there are.
package final class KernelParts {
  private let kernels: [Kernel]
  private let pointers: UnsafeMutableBufferPointer<OpaquePointer?>
  private let operands: UnsafeMutableBufferPointer<UnsafePointer<UnsafeMutableRawPointer?>?>

  package init(_ kernels: [Kernel]) {
    self.kernels = kernels
    pointers = .allocate(capacity: kernels.count)
    operands = .allocate(capacity: kernels.count)
    _ = pointers.initialize(from: kernels.map { $0.pointer })
    _ = operands.initialize(from: kernels.map { UnsafePointer($0.operands) })
  }

  deinit {
    pointers.deallocate()
    operands.deallocate()
  }

  package func run() {
    // No input reaches it, as in `Kernel.run`.
    let status = dn_run_parts(pointers.baseAddress, operands.baseAddress, Int32(kernels.count))
    precondition(status == 0, "oneDNN fails in a kernel that it made for these operands")
  }
}

extension Kernel {
  package enum Direction: Sendable {
    case forward, backwardData, backwardWeights
    fileprivate var code: dn_direction {
      switch self {
      case .forward: DN_FORWARD
      case .backwardData: DN_BACKWARD_DATA
      case .backwardWeights: DN_BACKWARD_WEIGHTS
      }
    }
  }

  package enum Pooling: Sendable {
    case max, averageIncludingPadding, averageExcludingPadding
    fileprivate var code: dn_pooling_kind {
      switch self {
      case .max: DN_MAX
      case .averageIncludingPadding: DN_AVERAGE_INCLUDING_PADDING
      case .averageExcludingPadding: DN_AVERAGE_EXCLUDING_PADDING
      }
    }
  }

  /// The work of a convolution or a dense product beside its product.
  package struct ProductOptions: Sendable {
    /// How X, W and Y are held; a bias is fp32.
    var format: NumberFormat
    var hasBias: Bool
    /// The ReLU behind it.
    var relu: Bool
    /// Y is added to, before the ReLU.
    var adds: Bool
    /// The weights' gradient is in fp32, whatever the format.
    var givesWeightsInFloat32: Bool

    package init(
      _ format: NumberFormat, hasBias: Bool = false, relu: Bool = false, adds: Bool = false,
      givesWeightsInFloat32: Bool = false
    ) {
      self.format = format
      self.hasBias = hasBias
      self.relu = relu
      self.adds = adds
      self.givesWeightsInFloat32 = givesWeightsInFloat32
    }

    fileprivate var code: dn_product_options {
      dn_product_options(
        type: format.code, bias: hasBias ? 1 : 0, relu: relu ? 1 : 0, sum: adds ? 1 : 0,
        with_w_gradient_f32: givesWeightsInFloat32 ? 1 : 0)
    }
  }

  /// X in one layout to Y in another.
  package convenience init(reordering from: KernelLayout, to: KernelLayout) throws(KernelError) {
    try self.init { dn_reorder($0, from.pointer, to.pointer) }
  }

  /// Forward: Y = conv(X, W) + bias. Backward: X from Y and W, or W (and bias) from X and Y.
  /// - Parameters:
  ///   - x: the layout of X; nil: any that the kernel likes.
  ///   - y: the layout of Y.
  package convenience init(
    convolution direction: Direction, _ shape: ConvolutionShape, _ options: ProductOptions, x: KernelLayout? = nil,
    y: KernelLayout? = nil
  ) throws(KernelError) {
    var shape = shape.code, options = options.code
    try self.init { dn_convolution($0, direction.code, &shape, &options, x?.pointer, y?.pointer) }
  }

  /// Y [m, n] = X [m, k] W [k, n] + bias; W in a layout that the kernel likes.
  package convenience init(
    product m: Int, _ n: Int, _ k: Int, _ options: ProductOptions
  ) throws(KernelError) {
    var options = options.code
    try self.init { dn_matmul($0, Int64(m), Int64(n), Int64(k), &options) }
  }

  /// Y [m, n] = or += X W in fp32, all row-major; a transposed operand is stored as its transpose. Nothing is allocated
  /// when it runs.
  package convenience init(
    plainProduct m: Int, _ n: Int, _ k: Int, transposesX: Bool = false, transposesW: Bool = false, adds: Bool = false
  ) throws(KernelError) {
    try self.init {
      dn_product($0, Int64(m), Int64(n), Int64(k), transposesX ? 1 : 0, transposesW ? 1 : 0, adds ? 1 : 0)
    }
  }

  /// Forward: X in `layout` to Y. Backward: Y, in the layout that forward gives, to X.
  /// - Parameter isDifferentiated: whether backward follows, for which a maximum fills the workspace.
  package convenience init(
    pooling direction: Direction, _ kind: Pooling, _ shape: ConvolutionShape, _ layout: KernelLayout,
    isDifferentiated: Bool
  ) throws(KernelError) {
    var shape = shape.code
    try self.init {
      dn_pooling($0, direction.code, kind.code, &shape, layout.pointer, isDifferentiated ? 1 : 0)
    }
  }
}

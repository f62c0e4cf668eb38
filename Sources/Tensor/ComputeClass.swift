import COneDNN
import DitherBasics

/// The last digits of results depend on it: the instructions that kernels use, and oneDNN's version. Processes of one
/// class give the same bits; between classes margins differ from the seventh digit on. Our own kernels give the same
/// bits with any instructions.
public enum ComputeClass {
  /// Sets of instructions that kernels can be kept to, oldest first.
  public static let instructionSets = ["sse41", "avx", "avx2", "avx512_core"]

  /// This process's, as "avx512_core_bf16, oneDNN 2.6.3".
  public static var current: String {
    "\(String(cString: dn_isa())), oneDNN \(String(cString: dn_version()))"
  }

  /// Keeps kernels from newer instructions than these, so that machines of several kinds are of one class. Before the
  /// first kernel is made.
  /// - Throws: where there is no such set, or a kernel was made already.
  public static func keep(to instructions: String) throws(ComputeError) {
    let status = instructionSets.contains(instructions) ? dn_limit_isa(instructions) : 2
    guard status == 0 else {
      throw ComputeError(
        .instructions, at: "instructions", expected: "one of \(instructionSets.joined(separator: ", "))",
        got: "'\(instructions.clipped())'",
        advice: nearest(to: instructions, among: instructionSets).map { "did you mean '\($0)'?" })
    }
  }
}

/// Faults of a way of computing that is asked for.
public enum ComputeFault: FaultCode {
  /// No set of instructions that kernels can be kept to.
  case instructions
  /// The fault's category, for callers of any door.
  public var category: FaultCategory { .invalidArgument }
}
/// An error of a way of computing.
public typealias ComputeError = Fault<ComputeFault>

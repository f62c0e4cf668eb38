import ArgumentParser
import DitherBasics
import DitherGraph
import DitherTensor

/// How a server or a worker computes.
struct ComputeOptions: ParsableArguments {
  @Option(
    help: """
      float32, or bfloat16: faster on CPUs that have it, and less exact (docs/benchmarks.md has the errors); others then \
      compute in float32.
      """)
  var precision = Plan.Precision.float32
  @Option(
    help: """
      Newest instructions that kernels may use (sse41, avx, avx2, avx512_core), so that workers on several kinds of CPU \
      give the same bits. (default: the newest that the CPU has)
      """)
  var isa: String?

  /// Before the first kernel is made.
  func apply() throws(ComputeError) {
    if let isa { try ComputeClass.keep(to: isa) }
  }
}

extension Plan.Precision: ExpressibleByArgument {}

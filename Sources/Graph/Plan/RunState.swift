import DitherTensor

/// The facts that a running plan tells its noise kernels.
final class RunState {
  let seeds: UnsafeMutableBufferPointer<UInt64>
  private let memory: AlignedBuffer
  var firstSample: UInt32 = 0
  /// By the position of a term in its model: its schedule's factor.
  private var strengths: [Float] = []
  private let schedules: [(any Schedule)?]
  /// Draws 2 i and 2 i + 1 are draw i and its negative.
  let isAntithetic: Bool
  init(rows: Int, antithetic: Bool, noise: NoiseModel?) {
    isAntithetic = antithetic
    memory = AlignedBuffer(byteCount: rows * 8)
    seeds = UnsafeMutableBufferPointer(rebasing: memory.bytes.bindMemory(to: UInt64.self)[..<rows])
    schedules = noise?.terms.map(\.schedule) ?? []
    strengths = [Float](repeating: 1, count: schedules.count)
    progress = 0
    follow()
  }

  /// The share of the training that is done.
  var progress: Double { didSet { follow() } }

  private func follow() {
    for (position, schedule) in schedules.enumerated() {
      if let schedule { strengths[position] = Float(schedule.factor(at: progress)) }
    }
  }

  /// - Parameter term: its position in the model; nil: one whose strength is 1.
  func strength(of term: Int?) -> Float { term.map { strengths[$0] } ?? 1 }

  /// Where the draw number `sample` of this run's lies, and its sign. Only symmetric draws have a negative.
  func address(_ sample: Int, row: Int, site: UInt32, isSymmetric: Bool) -> (NoiseAddress, sign: Float) {
    let number = firstSample &+ UInt32(truncatingIfNeeded: sample), isPaired = isAntithetic && isSymmetric
    return (
      NoiseAddress(seed: seeds[row], site: site, sample: isPaired ? number >> 1 : number),
      isPaired && number & 1 == 1 ? -1 : 1
    )
  }

  func draw(_ sample: Int, row: Int, _ placed: PlacedTerm) -> TermDraw {
    let (address, sign) = address(
      sample, row: row, site: placed.site, isSymmetric: placed.term.combination == .adds)
    return TermDraw(address: address, sign: sign, strength: strength(of: placed.position))
  }
}

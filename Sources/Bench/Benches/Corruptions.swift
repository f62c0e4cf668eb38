import DitherBasics
import DitherRobustness
import DitherTensor

extension Bench {
  /// The 19 of the CIFAR-10-C protocol, color pictures of 32 × 32, severity 3, one thread; seconds for one picture
  /// through all of them, and for each. Bar: scripts/bench-corruption-peers.
  static let corruptions = Bench("corruption/cifar", "one picture through the 19 corruptions of CIFAR-10-C, severity 3")
  {
    seconds in
    let names = CorruptionConstants.cifar10c.corruptions + CorruptionConstants.cifar10c.extras
    let kinds = try names.map { try Catalog.corruptions.entry(named: $0).init() }
    let images = Fixtures.images(64, [3, 32, 32]), identities = (0..<64).map(UInt64.init), clock = ContinuousClock()
    var rounds: [[Double]] = []
    let end = clock.now + .seconds(seconds)
    repeat {
      rounds.append(
        kinds.enumerated().map { at, kind in
          let time = clock.measure {
            _ = kind.apply(to: images, identities: identities, severity: 3, seed: UInt64(rounds.count))
          }
          return time.seconds / 64
        })
    } while clock.now < end || rounds.count < 5
    let each = zip(names, names.indices).map { name, at in (name, rounds.map { $0[at] }.median ?? 0) }
    return Measurement(
      times: rounds.map { $0.reduce(0, +) }, details: Dictionary(each, uniquingKeysWith: { first, _ in first }))
  }
}

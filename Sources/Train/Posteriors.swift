import DitherBasics
import DitherTensor

/// A way of keeping several networks from the path of one training, which are served as one: each draw is one of them.
///
/// Its properties are its parameters: keys of a recipe's `posterior`. It takes the parameters behind some of the steps
/// into buffers of their size, which lie in the checkpoint; the number of those that were taken follows from the step.
public protocol Posterior: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// The networks that the model is of, from 2.
  var members: Int { get }
  /// How often it must have taken the parameters: as often as there are members, by default.
  var leastTaken: Int { get }
  /// Trainings from first weights that the run is, one after the other, as long as each other; 1 by default.
  var trainings: Int { get }
  /// Buffers of the parameters' size, zero before the first step.
  var bufferCount: Int { get }
  /// The steps behind which it takes the parameters.
  func pace(_ run: RunLength) -> Pace
  /// Takes the parameters.
  /// - Parameter number: from 0: how often it has done so.
  func take(_ values: UnsafeBufferPointer<Float>, _ number: Int, into buffers: [UnsafeMutableBufferPointer<Float>])
  /// The parameters of one network.
  /// - Parameters:
  ///   - index: below `members`.
  ///   - taken: how often the parameters were taken; as often as the run has steps for it.
  ///   - draws: an address of this member's own.
  func member(
    _ index: Int, _ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>], draws: NoiseAddress
  ) -> [Float]
  /// The parameters of the model without noise; nil: those of the last step.
  func center(_ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>]) -> [Float]?
}

extension Posterior {
  public var leastTaken: Int { members }
  public var trainings: Int { 1 }
  public func center(_ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>]) -> [Float]? { nil }

  func require(members: Int) throws(CatalogError) {
    try require((2...64).contains(members), "members", "2 to 64", members)
  }
}

/// How long a run is.
public struct RunLength: Sendable {
  /// Steps in all.
  public var steps: Int
  /// Steps of one epoch.
  public var stepsPerEpoch: Int

  /// A run of so many steps.
  public init(steps: Int, stepsPerEpoch: Int) {
    self.steps = steps
    self.stepsPerEpoch = stepsPerEpoch
  }
}

/// Every so many steps, behind a beginning.
public struct Pace: Sendable, Equatable {
  /// Steps of the beginning, after which nothing is taken.
  public var start: Int
  /// From 1.
  public var every: Int

  /// Every so many steps behind the first `start`; at least every one.
  public init(start: Int, every: Int) {
    self.start = start
    self.every = max(every, 1)
  }

  /// `count` times in what comes behind a share of the run, the last time behind its last step.
  static func spread(_ count: Int, behind share: Double, of run: RunLength) -> Pace {
    let every = max(Int(Double(run.steps) * (1 - share)) / max(count, 1), 1)
    return Pace(start: run.steps - every * count, every: every)
  }

  /// How often something is taken in the first `steps`.
  package func taken(in steps: Int) -> Int { max(steps - start, 0) / every }

  /// The number from 0 of what is taken behind step `step`, which counts from 1; nil: nothing.
  package func number(behind step: Int) -> Int? {
    step > start && (step - start) % every == 0 ? (step - start) / every - 1 : nil
  }
}

extension Catalog where Entry == any Posterior.Type {
  /// Every posterior that a recipe may name.
  public static let posteriors = Catalog(
    "posterior", [Snapshots.self, SWAG.self, DeepEnsemble.self], name: { $0.name })
}

import DitherBasics
import DitherTensor
import Foundation

/// Options of a function as a data set.
struct FunctionOptions: Codable, Sendable, Ranged {
  /// Numbers of a point.
  var dimensions = 2
  /// Points of the training part; more of them begin with those of fewer.
  var examples = 10_000
  /// The deviation of the Gaussian noise on training targets, as a share of the function's own over its domain.
  var noise = 0.1
  /// The seed of points and noise.
  var seed = 0

  func check() throws(CatalogError) {
    try require((2...10).contains(dimensions), "dimensions", "2 to 10", dimensions)
    try require((2...1_000_000).contains(examples), "examples", "2 to 1000000", examples)
    try require((0...10).contains(noise), "noise", "0 to 10", noise)
    try require((0...1 << 32).contains(seed), "seed", "0 to \(1 << 32)", seed)
  }
}

/// A function of several numbers, known in closed form, at uniform points of its usual domain: noise on the targets to
/// train on, none on those to test. Inputs are points divided by the domain's half width, in [-1, 1].
protocol FunctionSet: DatasetSource {
  /// The domain is [-halfWidth, halfWidth] in each dimension.
  static var halfWidth: Double { get }
  static func value(_ x: [Double]) -> Double
}

extension FunctionSet {
  static var files: [DataFile] { [] }
  /// Points of the test part, the same for every number of training points.
  private static var testPoints: Int { 2000 }

  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    load(split, FunctionOptions())
  }
  static func load(_ split: Split, options: [String: String], from root: DataRoot) throws -> Dataset {
    load(split, try Parameters.overlay(options, on: FunctionOptions(), of: "data set '\(name)', option"))
  }

  private static func load(_ split: Split, _ options: FunctionOptions) -> Dataset {
    let test = points(testPoints, stream: 1, options),
      chosen = split == .test ? test : points(options.examples, stream: 0, options)
    var targets = chosen.map(value)
    if split == .train, options.noise > 0 {
      let scale = options.noise * ColumnScale(test.map(value)).deviation
      let draws = NoiseAddress(seed: UInt64(options.seed), site: 2).normals(targets.count)
      for at in targets.indices { targets[at] += scale * Double(draws[at]) }
    }
    return Dataset(
      name: name,
      inputs: Tensor([chosen.count, options.dimensions], chosen.flatMap { $0.map { Float($0 / halfWidth) } }),
      targets: .values(Tensor([targets.count, 1], targets.map { Float($0) })), targetNames: ["value"])
  }

  private static func points(_ count: Int, stream: UInt64, _ options: FunctionOptions) -> [[Double]] {
    var generator = PhiloxGenerator(seed: UInt64(options.seed), stream: stream)
    return (0..<count).map { _ in
      (0..<options.dimensions).map { _ in Double.random(in: -halfWidth...halfWidth, using: &generator) }
    }
  }
}

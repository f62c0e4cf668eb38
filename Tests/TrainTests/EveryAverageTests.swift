import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

@Suite("Every average of parameters")
struct EveryAverageTests {
  /// The mean and the values behind each of some steps, worked out from the definitions.
  private func path(_ average: any Average, _ steps: [Float]) -> (mean: [Float], values: [Float]) {
    var means: [Float] = [], all: [Float] = []
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1),
      mean = UnsafeMutableBufferPointer<Float>
        .allocate(capacity: 1)
    defer {
      values.deallocate()
      mean.deallocate()
    }
    (values[0], mean[0]) = (10, 10)
    for (at, step) in steps.enumerated() {
      values[0] += step
      average.take(values, number: at + 1, progress: Double(at + 1) / Double(steps.count), into: mean)
      means.append(mean[0])
      all.append(values[0])
    }
    return (means, all)
  }

  private func average(_ text: String) throws -> any Average {
    try #require(Recipe(yaml: "name: x\ndata: mnist\naverage: {\(text)}").average)
  }

  @Test("the moving average has the weights of its definition, and moves nothing")
  func ema() throws {
    let found = path(try average("kind: ema, decay: 0.5"), [1, 1, 1, 1])
    // Decays 2/11, 3/12, 4/13, 5/14: all below 0.5.
    var mean: Float = 10
    for (at, value) in [11, 12, 13, 14].enumerated() {
      let decay = Float(at + 2) / Float(at + 11)
      mean = decay * mean + (1 - decay) * Float(value)
      #expect(abs(found.mean[at] - mean) < 1e-4)
    }
    #expect(found.values == [11, 12, 13, 14])
    let late = path(try average("kind: ema, decay: 0.1"), [1, 0])
    #expect(abs(late.mean[0] - 10.9) < 1e-4 && abs(late.mean[1] - 10.99) < 1e-4)
  }

  @Test("lookahead goes its share of the way every so many steps, and goes on from there")
  func lookahead() throws {
    let found = path(try average("kind: lookahead, every: 2, share: 0.25"), [1, 1, 4, 0, 1])
    #expect(found.mean == [10, 10.5, 10.5, 11.5, 11.5] && found.values == [11, 10.5, 14.5, 11.5, 12.5])
    // 1 − 0.75 · progress²: 0.8125 of the way at half time, 0.25 at the end.
    let falling = path(try average("kind: lookahead, every: 2, share: 0.25, power: 2"), [1, 1, 1, 1])
    #expect(abs(falling.mean[1] - 11.625) < 1e-5 && abs(falling.mean[3] - 12.125) < 1e-5)
  }

  @Test("what is saved and validated is the mean, resumed or not", arguments: Catalog.averages.names)
  func served(_ name: String) throws {
    let scratch = try Scratch(), root = DataRoot(URL(fileURLWithPath: scratch.file("data")))
    try Flowers.write(to: root)
    let data = try Dataset.load("iris", .train, from: root)
    func recipe(_ average: String) throws -> Recipe {
      try Recipe(
        yaml: """
          name: own
          data: iris
          model: {kind: mlp, hidden: [5], normalization: batch}
          noise: [{site: input, sigma: 0.1}]
          optimizer: {kind: sgd, rate: 0.1}
          schedule: constant
          validation: 20
          epochs: 3
          batch: 20
          \(average)
          """)
    }
    let own = try recipe("average: \(name)"), whole = try Trainer(own, data: data, threads: 1)
    try whole.run()
    let plain = try Trainer(recipe(""), data: data, threads: 1)
    try plain.run()
    let file = try whole.snapshot().onnx()
    #expect(try file != plain.snapshot().onnx())
    let first = try Trainer(own, data: data, threads: 1)
    var steps = 0
    try first.run(shouldStop: {
      steps += 1
      return steps > 8
    })
    let second = try Trainer(own, data: data, checkpoint: first.checkpoint(), threads: 1)
    try second.run()
    #expect(try second.snapshot().onnx() == file)
  }

  @Test(
    "nonsense is refused with the key",
    arguments: [
      ("average: {kind: ema, decay: 1}", "'decay'"), ("average: {kind: lookahead, share: 0}", "'share'"),
      ("average: {kind: lookahead, every: 0}", "'every'"), ("average: emma", "did you mean 'ema'?"),
      ("average: ema\nposterior: swag", "'average'"),
    ])
  func nonsense(_ line: String, _ words: String) {
    #expect { _ = try Recipe(yaml: "name: x\ndata: mnist\n\(line)") } throws: { "\($0)".contains(words) }
  }
}

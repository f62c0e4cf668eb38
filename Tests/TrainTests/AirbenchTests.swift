import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

@Suite("The fast network: what it begins with and what it leaves as it is")
struct AirbenchTests {
  /// Pictures [3, 8, 8] whose channels are blends of smooth waves, so that neighbors are correlated.
  private static func pictures(_ count: Int) -> Tensor {
    let noise = Tensor.random([count, 3, 9, 9], seed: 5, from: 0, to: 1)
    return Tensor(
      [count, 3, 8, 8],
      (0..<count).flatMap { row in
        (0..<3).flatMap { channel in
          (0..<64).map { at in
            let start = (row * 3 + channel) * 81, y = at / 8, x = at % 8
            let sum =
              noise.elements[start + y * 9 + x] + noise.elements[start + y * 9 + x + 1]
              + noise.elements[start + (y + 1) * 9 + x] + noise.elements[row * 243 + y * 9 + x]
            return 0.3 + Float(channel) * 0.1 + 0.1 * sum
          }
        }
      })
  }

  private static func literal(_ graph: Graph, _ name: String) throws -> Tensor {
    for (id, literal) in graph.literals where graph.valueNames[id.index] == name {
      if case .float(let tensor) = literal { return tensor }
    }
    throw TrainError(.data, at: name, expected: "a constant of this name", got: "none")
  }

  @Test("what the whitening puts out has the identity as its covariance, its second half is the first's negative")
  func whitens() throws {
    var net = Airbench()
    net.channels = [4, 4]
    let pictures = Self.pictures(40)
    var graph = try net.build(input: [3, 8, 8], outputs: 3, seed: 1)
    net.adapt(&graph, to: pictures, .classes([], count: 3))
    let filters = try Self.literal(graph, "whitening.weight"), mean = try Self.literal(graph, "input.mean")
    let deviation = try Self.literal(graph, "input.deviation")
    #expect(filters.shape == [24, 3, 2, 2])
    #expect(zip(filters.elements[..<144], filters.elements[144...]).allSatisfy { $0 == -$1 })
    // Answers of the twelve filters at every patch, in double precision.
    var answers: [[Double]] = []
    for row in 0..<40 {
      for y in 0..<7 {
        for x in 0..<7 {
          answers.append(
            (0..<12).map { filter in
              var sum = 0.0
              for channel in 0..<3 {
                for at in 0..<4 {
                  let pixel = pictures.elements[((row * 3 + channel) * 8 + y + at / 2) * 8 + x + at % 2]
                  let value = (Double(pixel) - Double(mean.elements[channel])) / Double(deviation.elements[channel])
                  sum += value * Double(filters.elements[(filter * 3 + channel) * 4 + at])
                }
              }
              return sum
            })
        }
      }
    }
    let n = Double(answers.count), means = (0..<12).map { at in answers.reduce(0) { $0 + $1[at] } / n }
    for i in 0..<12 {
      for j in 0...i {
        let covariance = answers.reduce(0) { $0 + ($1[i] - means[i]) * ($1[j] - means[j]) } / n
        // The floor under eigenvalues takes some of the least ones' variance.
        if i == j { #expect(covariance > 0.9 && covariance < 1.0001) } else { #expect(abs(covariance) < 1e-3) }
      }
    }
  }

  @Test("a block's second convolution begins as the identity")
  func identity() throws {
    let graph = try Airbench().build(input: [3, 32, 32], outputs: 10, seed: 1)
    let second = try Self.literal(graph, "block1.conv1.weight"), first = try Self.literal(graph, "block1.conv0.weight")
    #expect(second.shape == [256, 256, 3, 3] && first.shape == [256, 64, 3, 3])
    for (at, value) in second.elements.enumerated() {
      let (to, rest) = at.quotientAndRemainder(dividingBy: 256 * 9)
      if value != (rest == to * 9 + 4 ? 1 : 0) {
        Issue.record("\(at): \(value)")
        break
      }
    }
    let drawn = first.elements[(64 * 64 * 9)...], n = Double(drawn.count)
    let variance = drawn.reduce(0) { $0 + Double($1) * Double($1) } / n
    #expect(abs(variance * 64 * 9 * 3 - 1) < 5 * (2 / n).squareRoot())
  }

  @Test("training moves the rest, each group at its own rate")
  func groups() throws {
    let pictures = Self.pictures(24)
    let data = Dataset(name: "own", inputs: pictures, labels: (0..<24).map { $0 % 3 }, classNames: ["a", "b", "c"])
    func trained(_ groups: String) throws -> Graph {
      let recipe = try Recipe(
        yaml: """
          name: own
          data: own
          model: {kind: airbench, channels: [4, 4]}
          optimizer: {kind: sgd, rate: 0.01, momentum: 0, decay: 0.1}
          schedule: constant
          epochs: 1
          batch: 24
          \(groups)
          """)
      let trainer = try Trainer(recipe, data: data, threads: 1)
      try trainer.run()
      return try trainer.snapshot()
    }
    var start = try Airbench.small.build(input: [3, 8, 8], outputs: 3, seed: 1)
    Airbench.small.adapt(&start, to: pictures, .classes([], count: 3))
    let plain = try trained("")
    for name in ["input.mean", "input.deviation", "whitening.weight", "block0.conv0.norm.scale"] {
      let (before, after) = (try Self.literal(start, name), try Self.literal(plain, name))
      #expect(before == after, "\(name)")
    }
    let fast = try trained(
      "parameter_groups: [{parameters: '*.norm.shift', rate: 8}, {parameters: logits.weight, rate: 0}]")
    let bare = try trained("parameter_groups: [{parameters: block1.conv0.weight, decay: 0}]")
    let shift = "block1.conv1.norm.shift", weight = "block1.conv0.weight"
    let (a, b) = (try Self.literal(plain, shift), try Self.literal(fast, shift))
    #expect(a.elements.contains { $0 != 0 } && b.isClose(to: a.map { 8 * $0 }, absolute: 1e-6))
    let (first, kept) = (try Self.literal(start, "logits.weight"), try Self.literal(fast, "logits.weight"))
    #expect(first == kept)
    // Decay of 0.1 at a rate of 0.01 takes a thousandth of a weight.
    let (with, without) = (try Self.literal(plain, weight), try Self.literal(bare, weight))
    let began = try Self.literal(start, weight)
    #expect(with.isClose(to: without.zip(began) { $0 - 0.001 * $1 }, absolute: 1e-6))
  }

  @Test("a group that has no parameter is refused with the nearest name")
  func stranger() throws {
    let data = Dataset(
      name: "own", inputs: Self.pictures(6), labels: [0, 1, 2, 0, 1, 2], classNames: ["a", "b", "c"])
    let recipe = try Recipe(
      yaml:
        "name: own\ndata: own\nmodel: {kind: airbench, channels: [4, 4]}\nbatch: 6\nparameter_groups: [{parameters: logit.weight}]"
    )
    #expect {
      _ = try Trainer(recipe, data: data, threads: 1)
    } throws: {
      "\($0)".contains("'parameter_groups', item 1") && "\($0)".contains("did you mean 'logits.weight'?")
    }
    #expect {
      _ = try Recipe(yaml: "name: own\ndata: own\nparameter_groups: [{parametrs: x}]")
    } throws: { "\($0)".contains("did you mean 'parameters'?") }
  }
}

extension Airbench {
  fileprivate static var small: Airbench {
    var net = Airbench()
    net.channels = [4, 4]
    return net
  }
}

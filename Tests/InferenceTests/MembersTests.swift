import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Models that are one of several networks for each draw.
@Suite("Members of a model")
struct MembersTests {
  static let count = 5

  /// A convolution, a normalization and a dense layer, each with members of its own numbers.
  static func graph() throws -> Graph {
    let builder = GraphBuilder(name: "members"), x = builder.input("x", [2, 4, 4])
    func parameter(_ name: String, _ shape: Shape) -> Value {
      builder.parameter(name, Tensor(shape, NoiseAddress(seed: 1, site: UInt32(name.count)).normals(shape.count)))
    }
    var y = try builder.convolution(x, parameter("conv.w", [3, 2, 3, 3]), parameter("conv.bias", [3]), padding: 1)
    y = try builder.batchNormalization(y, channels: 3, name: "norm")
    y = try builder.flatten(builder.globalAveragePool(builder.relu(y)))
    y = try builder.dense(y, parameter("dense.weight", [4, 3]), parameter("b", [4]), name: "dense")
    return builder.finish(outputs: [("logits", y)])
  }

  static func served(_ graph: Graph) -> Graph {
    var result = graph, members: [ValueID: Tensor] = [:]
    for case (let id, .float(let tensor)) in graph.literals {
      let draws = NoiseAddress(seed: 2, site: UInt32(id.index)).normals(count * tensor.count)
      // Variances stay above 0.
      members[id] = Tensor(
        Shape([count] + tensor.shape.dimensions),
        draws.enumerated().map { abs(tensor.elements[$0.offset % tensor.count]) + 0.3 + 0.2 * abs($0.element) })
    }
    result.serve(members: members)
    return result
  }

  /// The network that is one of the members.
  static func member(_ index: Int, of graph: Graph) -> Graph {
    var result = graph
    let names = graph.literals.keys.map { (graph.valueNames[$0.index], $0) }
    for (name, id) in names where name.hasSuffix(".samples") {
      guard case .float(let samples)? = graph.literals[id],
        let parameter = names.first(where: { $0.0 == String(name.dropLast(8)) })?.1
      else { continue }
      result.literals[parameter] = .float(Tensor(samples.shape.row, Array(samples.row(index))))
      result.literals[id] = nil
    }
    result.noise = nil
    return result
  }

  @Test("each draw is one member in all of its layers, and K draws are each of them once")
  func joint() throws {
    let graph = Self.served(try Self.graph()), model = try Model(onnx: graph.onnx())
    #expect(!model.drawsFreshNoise && !model.drawsAtOutputs && model.noise?.members == Self.count)
    let inputs = Tensor.random([3, 2, 4, 4], seed: 7)
    let alone = try (0..<Self.count).map { try Model(Self.member($0, of: graph)).outputs(inputs) }
    var firsts = [Int](repeating: 0, count: Self.count)
    for seed in 0..<200 as Range<UInt64> {
      let draws = seed < 3 ? 2 * Self.count : 1
      let outputs = try model.sampledOutputs(inputs, NoiseDraws(0..<draws, seeds: [seed, seed, seed + 1]))
      var seen: [[Int]] = [[], [], []]
      for draw in 0..<draws {
        for row in 0..<3 {
          let found = outputs.elements[(draw * 3 + row) * 4..<(draw * 3 + row + 1) * 4]
          let member = try #require(alone.firstIndex { worstDifference($0.row(row), found) < 1e-5 })
          seen[row].append(member)
        }
      }
      #expect(seen[0] == seen[1], "rows of one seed")
      firsts[seen[0][0]] += 1
      if draws > 1 {
        for row in seen {
          #expect(Set(row[..<Self.count]).count == Self.count && row[..<Self.count] == row[Self.count...])
        }
      }
    }
    // Multinomial: 40 of each, with a deviation of 5.7.
    #expect(firsts.allSatisfy { abs($0 - 40) < 26 }, "\(firsts)")
  }

  @Test("a prediction of K draws is the mean of the members' answers, and without draws the model's own")
  func mean() throws {
    let plain = try Self.graph(), graph = Self.served(plain), model = try Model(graph)
    let inputs = Tensor.random([2, 2, 4, 4], seed: 8)
    let answer = try MonteCarloPredictor(model).predict(inputs, Sampling(.samples(Self.count), seed: 3))
    for row in 0..<2 {
      var wanted = [Double](repeating: 0, count: 4)
      for index in 0..<Self.count {
        let one = try MonteCarloPredictor(Model(Self.member(index, of: graph))).predict(inputs, .deterministic)
        for c in 0..<4 { wanted[c] += one.predictions[row].mean[c] / Double(Self.count) }
      }
      #expect(zip(answer.predictions[row].mean, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    #expect(try worstDifference(model.outputs(inputs).elements, Model(plain).outputs(inputs).elements) < 1e-5)
  }

  @Test("noise acts in each member: dropout beside them differs between draws of one member")
  func beside() throws {
    var graph = Self.served(try Self.graph())
    graph.noise?.terms = [.dropout(.activations, rate: 0.5)]
    let model = try Model(onnx: graph.onnx()), inputs = Tensor.random([1, 2, 4, 4], seed: 8)
    let outputs = try model.sampledOutputs(inputs, NoiseDraws(0..<4 * Self.count, seeds: [3]))
    #expect(Set((0..<4 * Self.count).map { Array(outputs.elements[$0 * 4..<$0 * 4 + 4]) }).count > Self.count)
  }

  @Test("what a file may not say of members")
  func refused() throws {
    let graph = Self.served(try Self.graph())
    let id = try #require(graph.literals.keys.first { graph.valueNames[$0.index] == "b.samples" })
    func fault(_ change: (inout Graph) -> Void) throws -> String {
      var other = graph
      change(&other)
      do { _ = try Model(onnx: other.onnx()) } catch { return "\(error)" }
      return ""
    }
    #expect(try fault { _ in } == "")
    #expect(try fault { $0.literals[id] = .float(Tensor(zeros: [Self.count, 5])) }.contains("[5, 4]"))
    #expect(try fault { $0.literals[id] = .float(Tensor([5, 4], repeating: .infinity)) }.contains("finite"))
    #expect(try fault { $0.noise?.members = 4 }.contains("[4, "))
    #expect(
      try fault {
        $0 = Self.member(0, of: $0); $0.noise = NoiseModel([], members: 5)
      }.contains(".samples"))
    for bad in [-1, 0, 1, 5000] {
      let text = #"{"format": 2, "terms": [], "members": \#(bad)}"#
      let setting = try JSONDecoder().decode(Setting.self, from: Data(text.utf8))
      #expect(throws: GraphError.self) { try NoiseModel(setting) }
    }
    #expect(NoiseModel([], members: 3).setting.description == "{format: 2, members: 3, terms: []}")
  }
}

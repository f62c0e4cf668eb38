import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Attributes, shapes and axes as an attacker would choose them.
@Suite("Ops with hostile attributes and operands")
struct HostileOpTests {
  private static let numbers: [Int64] = [
    .min, .min + 1, -1 << 32, -65_537, -9, -3, -2, -1, 0, 1, 2, 3, 4, 7, 8, 9, 65_536, 65_537, 1 << 31, 1 << 32, .max,
  ]
  private static let words = [
    "", "SAME_LOWER", "align_corners", "linear", "half_pixel_symmetric", "reflect", "wrap", "edge", "not_smaller",
  ]
  private static let fractions: [Float] = [.nan, .infinity, -.infinity, 0, -1, 1e-38, 3e38, 0.5]

  private static func changed(_ numbers: [Int64], _ generator: inout PhiloxGenerator) -> [Int64] {
    var numbers = numbers
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: numbers.append(Self.numbers.randomElement(using: &generator) ?? 0)
    case 1 where !numbers.isEmpty: numbers.removeLast()
    default:
      guard let place = numbers.indices.randomElement(using: &generator) else { break }
      numbers[place] = Self.numbers.randomElement(using: &generator) ?? 0
    }
    return numbers
  }

  /// Small extents: what is large is refused before it gets here.
  private static func changed(_ extents: [Int], _ generator: inout PhiloxGenerator) -> [Int] {
    var extents = extents
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: extents.append(Int.random(in: 0...3, using: &generator))
    case 1 where !extents.isEmpty: extents.removeFirst()
    default:
      guard let place = extents.indices.randomElement(using: &generator) else { break }
      extents[place] = Int.random(in: 0...9, using: &generator)
    }
    return extents
  }

  private static func changed(_ attribute: OnnxAttribute, _ generator: inout PhiloxGenerator) -> OnnxAttribute {
    switch attribute {
    case .int: .int(numbers.randomElement(using: &generator) ?? 0)
    case .ints(let values): .ints(changed(values, &generator))
    case .float: .float(fractions.randomElement(using: &generator) ?? 0)
    case .floats(let values): .floats(values.dropLast() + [fractions.randomElement(using: &generator) ?? 0])
    case .string: .string(words.randomElement(using: &generator) ?? "")
    default: .string("SAME_LOWER")
    }
  }

  private static func changed(_ operand: OpCase.Operand, _ generator: inout PhiloxGenerator) -> OpCase.Operand {
    switch operand {
    case .input(let extents): .input(changed(extents, &generator).map { max($0, 1) })
    case .parameter(let shape): .parameter(Shape(changed(shape.dimensions, &generator)))
    case .positive(let shape): .positive(Shape(changed(shape.dimensions, &generator)))
    case .numbers(let values): .numbers(values.dropLast() + [fractions.randomElement(using: &generator) ?? 0])
    case .integers(let values): .integers(changed(values, &generator))
    case .indices(let shape, let values):
      .indices(shape, values.map { _ in numbers.randomElement(using: &generator) ?? 0 })
    case .constant, .none: .constant(literal(&generator))
    }
  }

  /// A constant of any element type, of few axes and extents, among them 0.
  private static func literal(_ generator: inout PhiloxGenerator) -> Literal {
    let shape = Shape(
      (0..<Int.random(in: 0...4, using: &generator)).map { _ in Int.random(in: 0...3, using: &generator) })
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: return .int64(shape, (0..<shape.count).map { _ in numbers.randomElement(using: &generator) ?? 0 })
    case 1: return .bool(shape, (0..<shape.count).map { $0 % 2 == 0 })
    default: return .float(.random(shape, seed: UInt64(shape.rank)))
    }
  }

  private static func changed(_ test: OpCase, _ generator: inout PhiloxGenerator) -> OpCase {
    var attributes = test.attributes, operands = test.operands
    for _ in 0..<Int.random(in: 1...2, using: &generator) {
      let keys = attributes.keys.sorted()
      if Bool.random(using: &generator), let key = keys.randomElement(using: &generator), let value = attributes[key] {
        attributes[key] = changed(value, &generator)
      } else if let place = operands.indices.randomElement(using: &generator) {
        operands[place] = changed(operands[place], &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: operands[place] = .none
        case 1, 2, 3: operands[place] = .constant(literal(&generator))
        default: break
        }
      }
    }
    return OpCase(test.type, operands, attributes, opset: test.opset, output: test.output, of: test.outputs)
  }

  /// Whatever is made of a graph: plans of every kind, with every noise, bounds, folds and files.
  private static func use(_ graph: Graph, _ noise: NoiseModel?, path: NoisePath) throws {
    let parameters = ParameterBuffers(graph)
    var options = [
      Plan.Options(rows: 2, inputGradient: true, parameterGradients: true),
      Plan.Options(rows: 3, parameterGradients: true, batchStatistics: true),
    ]
    if noise != nil {
      options.append(Plan.Options(rows: 2, samples: path == .fresh ? 2 : 1, path: path, inputGradient: path != .fresh))
    }
    for options in options {
      guard let plan = try? Plan(graph, parameters: parameters, options: options, noise: noise) else { continue }
      for (index, input) in graph.inputs.enumerated() where input.element == .float32 {
        plan.write(.float(.random(input.shape(rows: options.rows), seed: 1)), to: index)
      }
      plan.forward()
      plan.backward()
    }
    _ = try? graph.foldingNormalization().onnx()
    guard let output = graph.outputs.first else { return }
    for kind in [OutputKind.probabilities, .logProbabilities] {
      _ = try? graph.exposingLogits(of: output.name, kind: kind).types(rows: 2)
    }
    if let bounded = try? graph.bounded(rows: 2) {
      _ = try? Plan(bounded.graph, parameters: ParameterBuffers(bounded.graph), options: .init(rows: 2))
    }
    _ = try? HessianPlan(graph, givesProbabilities: false, rows: 2)
  }

  @Test("whatever they are, the op refuses or runs", arguments: OpCase.all)
  func refusesOrRuns(_ test: OpCase) throws {
    var generator = PhiloxGenerator(seed: mixSeed(1, UInt64(test.operands.count)), stream: 0x057)
    var limits = OnnxLimits()
    limits.elements = 1 << 16
    limits.activationBytes = 1 << 18
    limits.operations = 1e7
    let noises = Catalog<NoiseSite>.sites.entries.flatMap { site in
      ["gaussian", "dropout", "salt_and_pepper"].compactMap {
        try? NoiseModel([.init(site, sigma: 0.1, distribution: $0)])
      }
    }
    let paths: [NoisePath] = [.fresh, .exact, .explicit]
    for trial in 0..<300 {
      let hostile = Self.changed(test, &generator)
      // A node that the builder refuses is written by nobody, but a file may hold it.
      guard let bytes = try? hostile.graph().onnx(), let graph = try? Graph(onnx: bytes, limits: limits) else {
        continue
      }
      try Self.use(graph, noises.isEmpty ? nil : noises[trial % noises.count], path: paths[trial / 7 % 3])
    }
  }

  @Test("an op without one of its operands, or with them in another order, is refused or runs", arguments: OpCase.all)
  func missingOperands(_ test: OpCase) throws {
    for place in test.operands.indices {
      var missing = test.operands, turned = test.operands
      missing[place] = .none
      turned.swapAt(0, place)
      for operands in [missing, turned, Array(test.operands[..<place])] {
        let other = OpCase(
          test.type, operands, test.attributes, opset: test.opset, output: test.output, of: test.outputs)
        guard let graph = try? other.graph() else { continue }
        try Self.use(graph, nil, path: .exact)
      }
    }
  }
}

import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherGraph
import DitherService
import DitherTensor
import Foundation

/// `dither run`: an ONNX model without a server.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run an ONNX model without a server, and write its outputs and input gradients.",
    discussion: """
      Writes every output as DIR/OUTPUT.npy, and with --labels and --gradient the gradient of the mean cross-entropy \
      with respect to each input as DIR/NAME.grad.npy. ONNX TensorProto files (.pb) are taken wherever .npy is.

      With noise every output has its draws before it, [draws, rows, …], and loss and gradients are means over them.

      Example: dither run model.onnx --input x=x.npy --output-dir out --labels y.npy --gradient
      Example: dither run model.onnx --input x.npy --output-dir out --noise weights:gaussian,sigma=0.03 --samples 64
      Example: dither run model.onnx --check
      Example: dither run model.onnx --check --shape 3x224x224
      """)

  @Argument(help: "The ONNX file.")
  var file: String
  @Option(
    name: .customLong("input"),
    help: "NAME=FILE; repeat for each input, or FILE.npz with all. NAME= may be left out when there is one.")
  var inputs: [String] = []
  @Option(help: "Where the results go; made if it is absent.")
  var outputDir: String?
  @Option(help: "Class numbers, one an example: for the loss.")
  var labels: String?
  @Flag(help: "Write the gradients of the mean cross-entropy with respect to the inputs.")
  var gradient = false
  @OptionGroup var shape: ShapeOptions
  @OptionGroup var noise: NoiseOptions
  @Option(help: "Draws of the noise; 0 is the deterministic pass. (default: 16 with --noise, else 0)")
  var samples: UInt32?
  @Option(help: "The same seed gives the same draws.")
  var seed: UInt64 = 0
  @Option(help: "float32, or bfloat16 on CPUs that have it.")
  var precision = Plan.Precision.float32
  @Flag(help: "Only load the file, and say whether a server would take it.")
  var check = false
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if check { return }
    if inputs.isEmpty { throw ValidationError("give --input NAME=FILE for every input, or --check") }
    if outputDir == nil { throw ValidationError("give --output-dir DIR") }
    if gradient, labels == nil { throw ValidationError("--gradient needs --labels: it is the loss's") }
  }

  func run() throws {
    let bytes = try ReadFile.naming(file) { try noise.laid(over: shape.laid(over: ModelFile.read(file))) }
    let graph = try ReadFile.naming(file) { try Graph(onnx: bytes) }
    try NoiseOptions.check(samples: samples, of: file, hasNoise: graph.noise?.settled.isActive ?? false)
    var summary = Summary(graph)
    if check {
      _ = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
      do { _ = try CheckedModel(onnx: bytes) } catch { summary.upload = "\(error)" }
    } else {
      try execute(graph, into: &summary)
    }
    if json { try Json.print(summary) } else { summary.show() }
  }

  private func execute(_ graph: Graph, into summary: inout Summary) throws {
    let arrays = try NamedArrays.read(inputs, for: graph.inputs.map(\.name))
    let labels = try self.labels.map { try FileArray(path: $0).labels(at: $0) }
    let count = samples.map { Int($0) } ?? (noise.specs.isEmpty ? 0 : Self.usualSamples)
    if count > 0 { try graph.noise?.checkSites(in: graph) }
    let session = try RunSession(
      graph, inputs: arrays, gradient: gradient, precision: precision, seed: count > 0 ? seed : nil)
    let results = try session.run(draws: count, labels: labels, gradient: gradient)
    summary.samples = count > 0 ? count : nil
    let directory = URL(filePath: outputDir ?? ".", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for (output, values) in zip(graph.outputs, results.outputs) {
      summary.written.append(try Self.write(values, named: output.name, in: directory))
    }
    summary.loss = results.loss
    for (input, gradient) in results.gradients {
      summary.written.append(try Self.write(.float(gradient), named: "\(input).grad", in: directory))
    }
  }

  private static let usualSamples = 16

  /// Output names come from the file: a slash in one must not lead out of the folder.
  private static func write(_ literal: Literal, named name: String, in directory: URL) throws -> String {
    let url = directory.appending(component: name.replacing("/", with: "_") + ".npy")
    try OutputFile.write(Npy(literal).bytes, to: url.path)
    return url.path
  }
}

extension RunCommand {
  struct Summary: Encodable {
    struct Port: Encodable {
      var name: String
      var type: String
      var shape: [Int]
    }
    var model: String
    var inputs: [Port]
    var outputs: [String]
    var nodes: Int
    var parameters: Int
    /// The noise that it is served with, a line a term.
    var noise: [String]?
    /// Draws that were made; nil: the deterministic pass.
    var samples: Int?
    var loss: Double?
    var written: [String] = []
    /// Statements of the file that nobody follows.
    var warnings: [String]
    /// Why a server would not take it: a graph may be well formed, and no model that answers row by row.
    var upload: String?

    init(_ graph: Graph) {
      model = graph.name
      inputs = graph.inputs.map {
        Port(name: $0.name, type: $0.element.rawValue, shape: $0.extents)
      }
      outputs = graph.outputs.map(\.name)
      warnings = graph.warnings
      noise = graph.noise.map(\.settled.summary)
      nodes = graph.nodes.count
      parameters = graph.literals.values.reduce(0) { $0 + $1.type.shape.count }
    }

    func show() {
      for input in inputs { print("input   \(input.name) \(input.type) \(input.shape)") }
      for output in outputs { print("output  \(output)") }
      for term in noise ?? [] { print("noise   \(term)\(samples.map { ", \($0) draws" } ?? "")") }
      for warning in warnings { print("warning: \(warning)") }
      print("\(nodes) nodes, \(parameters) parameters: valid")
      if let upload { print("upload  would be refused: \(upload)") }
      if let loss { print("mean cross-entropy \(loss.digits(6))") }
      for path in written { print("wrote   \(path)") }
    }
  }
}

extension Npy {
  init(_ literal: Literal) {
    switch literal {
    case .float(let tensor): self.init(tensor)
    case .int64(let shape, let values): self.init(shape, .int64(values))
    case .bool(let shape, let values): self.init(shape, .bool(values))
    }
  }
}

extension Plan.Precision: ExpressibleByArgument {}

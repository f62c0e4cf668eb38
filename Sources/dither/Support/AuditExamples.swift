import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherGraph
import DitherProto
import DitherTensor
import Foundation

/// Inputs of an audit's kind: [N, …], bytes or numbers in [0, 1].
struct AuditInputs {
  var array: FileArray
  /// The first example's number.
  var start = 0

  init(_ array: FileArray) { self.array = array }

  /// Pictures are bytes, as they were published, and so are arrays of bytes.
  init(_ set: Dataset) {
    let isOneOfBytes = set.layout == nil && set.byteInputs.contains(0)
    array =
      isOneOfBytes
      ? Self.bytes(set.inputs)
      : FileArray(
        shape: set.inputs.shape.dimensions, values: set.pixels.map { .bytes($0) } ?? .floats(set.inputs.elements))
    start = set.start
  }

  /// Bytes that were divided by 255, as they came.
  static func bytes(_ inputs: Tensor) -> FileArray {
    FileArray(
      shape: inputs.shape.dimensions,
      values: .bytes(inputs.elements.map { UInt8(min(max($0 * 255, 0), 255).rounded()) }))
  }

  var areBytes: Bool { if case .bytes = array.values { true } else { false } }

  /// [N, …]; bytes are brought to [0, 1].
  var tensor: Tensor {
    Tensor(Shape(array.shape), array.inUnits)
  }

  var message: Dither_V1_Array { message(rows: 0..<(array.shape.first ?? 0)) }

  /// At most two megabytes each, so that every request fits into a frame.
  func messages() -> [Dither_V1_Array] {
    let count = array.shape.first ?? 0, step = max((2 << 20) / max(rowLength * 4, 1), 1)
    return stride(from: 0, to: count, by: step).map { message(rows: $0..<min($0 + step, count)) }
  }

  private var rowLength: Int { array.shape.dropFirst().reduce(1, *) }

  private func message(rows: Range<Int>) -> Dither_V1_Array {
    var message = Dither_V1_Array()
    message.shape = ([rows.count] + array.shape.dropFirst()).map(Int64.init)
    let range = rows.lowerBound * rowLength..<rows.upperBound * rowLength
    if case .bytes(let values) = array.values {
      message.type = .uint8
      message.data = Data(values[range])
    } else {
      message.type = .float32
      message.data = array.floats[range].withUnsafeBytes { Data($0) }
    }
    return message
  }
}

/// Examples with their right answers for an audit, from files or from a data set on this machine.
struct AuditExamples {
  var inputs: AuditInputs
  /// Classes, or the values of a regression.
  var targets: Targets
  /// How several named inputs lie in a row; nil: they are one.
  var layout: RowLayout?
  /// The inputs that came as bytes, by their numbers in `layout`, 0 of one alone.
  var byteInputs: Set<Int>
  /// Rows of the files in all, where these are every fifth of them; nil: they are all, or a part that was said.
  var undividedCount: Int?

  /// As a report names them.
  var name: String

  /// Whether it names files on this machine rather than a data set.
  static func isPath(_ data: String) -> Bool { (try? DataReference(data).isPath) ?? false }

  /// Whether it names a file of inputs alone.
  private static func isInputs(_ data: String) -> Bool {
    !data.contains(",") && !data.contains("?")
      && FileArray.endings.contains(URL(filePath: data).pathExtension.lowercased())
  }

  /// - Throws: where `--data` and `--labels` do not go together.
  static func checkOptions(_ data: String, labels: String?) throws {
    if labels != nil, !isInputs(data) {
      throw ValidationError("--labels goes with --data FILE of inputs; a data set brings its own")
    }
    if labels == nil, isInputs(data), !data.lowercased().hasSuffix(".csv") {
      throw ValidationError(
        "--data \(data): a file of inputs goes with --labels FILE; or say INPUTS.npy,TARGETS.npy, or a folder of pictures"
      )
    }
  }

  /// - Parameters:
  ///   - usual: examples of a reference without a part; nil: all.
  ///   - kind: of the targets; nil: as the reference says, or by what they are; in a file of `labels` classes.
  init(_ data: String, labels: String?, usual: Int? = nil, targets kind: TargetKind? = nil) throws {
    name = data
    if let labels {
      inputs = AuditInputs(try FileArray(path: data))
      byteInputs = inputs.areBytes ? [0] : []
      let array = try FileArray(path: labels)
      targets = try kind == .regression ? .values(array.rows) : .classes(array.labels(at: labels), count: 0)
    } else {
      var dataset = try Dataset.load(data, access: .paths, targets: kind)
      if let usual, try DataReference(data).part == nil {
        dataset = dataset.first(usual)
        name += ":\(dataset.count)"
      }
      inputs = AuditInputs(dataset)
      layout = dataset.layout
      byteInputs = dataset.byteInputs
      undividedCount = dataset.undividedCount
      targets = dataset.targets
    }
    guard inputs.array.shape.first == targets.count else {
      throw CommandError(
        .shape, at: labels ?? data, expected: "one label for each of \(inputs.array.shape.first ?? 0) examples",
        got: "\(targets.count)")
    }
  }

  /// - Throws: when they are fewer than so many, with how to give more of the same files.
  func check(least: Int) throws(CommandError) {
    guard targets.count < least else { return }
    throw CommandError(
      .shape, at: "data '\(name.clipped())'", expected: "at least \(least) examples",
      got: undividedCount.map { "\(targets.count), the test part: every fifth of \($0) rows" } ?? "\(targets.count)",
      advice: undividedCount.map {
        $0 < least
          ? "a thousand and more make thresholds that hold"
          : "where the model was trained on none of them give all: --data X.npy --labels Y.npy, or an archive with "
            + "x_test and y_test"
      } ?? "a thousand and more make thresholds that hold")
  }

  var tensor: Tensor { inputs.tensor }

  /// - Throws: when a label does not fit into the message.
  func message() throws -> Dither_V1_Examples {
    var message = Dither_V1_Examples()
    if let layout {
      let rows = inputs.tensor
      message.namedInputs = layout.parts.enumerated().map { number, part in
        var named = Dither_V1_NamedArray()
        named.name = part.name
        let values = layout.rows(of: number, in: rows)
        let array =
          byteInputs.contains(number)
          ? AuditInputs.bytes(values) : FileArray(shape: values.shape.dimensions, values: .floats(values.elements))
        named.array = AuditInputs(array).message
        return named
      }
    } else {
      message.inputs = inputs.message
    }
    switch targets {
    case .classes(let labels, _): message.labels = try Self.classNumbers(labels, at: "labels")
    case .values(let values): message.values = values.elements
    case .shares:
      throw CommandError(
        .shape, at: name, expected: "a class or values for each example", got: "shares of classes")
    }
    return message
  }

  /// As the wire has them.
  /// - Parameter place: where they were found, for errors.
  static func classNumbers(_ labels: [Int], at place: String) throws(CommandError) -> [UInt32] {
    try labels.enumerated().map { row, label throws(CommandError) in
      guard let number = UInt32(exactly: label) else {
        throw CommandError(.shape, at: "\(place), row \(row)", expected: "a class number", got: "\(label)")
      }
      return number
    }
  }

  /// Without labels; of a data set of pictures, bytes.
  static func inputs(_ data: String) throws -> AuditInputs {
    if isInputs(data) { return AuditInputs(try FileArray(path: data)) }
    return AuditInputs(try Dataset.load(data, access: .paths))
  }
}

import DitherBasics
import DitherDatasets
import DitherProto
import DitherTensor
import Foundation

/// One of the arrays that a served model takes.
struct ServedInput {
  var name: String
  /// nil: of no type that this program knows.
  var type: Dither_V1_Array.TypeEnum
  /// The shape of one example; −1 is an axis of any extent.
  var shape: [Int]

  /// One of floats where the server is from before there were several.
  static func all(of signature: Dither_V1_Signature) -> [ServedInput] {
    guard !signature.inputs.isEmpty else {
      return [
        ServedInput(
          name: signature.inputName, type: .float32, shape: signature.inputShape.dropFirst().map { Int(clamping: $0) })
      ]
    }
    return signature.inputs.map {
      ServedInput(name: $0.name, type: $0.type, shape: $0.shape.dropFirst().map { Int(clamping: $0) })
    }
  }

  /// Numbers of one example; 0: an axis is free, or a server says what no example can have.
  var size: Int { Shape(shape).checkedCount ?? 0 }

  /// Whether its pictures have their channels behind their places, as Keras has them.
  var hasChannelsLast: Bool {
    shape.count == 3 && [1, 3].contains(shape[2]) && ![1, 3].contains(shape[0])
  }

  /// The shape in words.
  var words: String { "[\(shape.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: ", "))]" }

  /// The same for the size of an array, of one example or a batch; nil: it is none of this input.
  fileprivate func sized(to array: [Int]) -> ServedInput? {
    guard shape.contains(-1) else { return self }
    for row in [array, Array(array.dropFirst())] where row.count == shape.count {
      guard zip(shape, row).allSatisfy({ $0 < 0 ? $1 > 0 : $0 == $1 }) else { continue }
      return ServedInput(name: name, type: type, shape: row)
    }
    return nil
  }

  /// Values in the type that the wire has for it: whole numbers are numbers, bytes pixels where it takes floats.
  fileprivate func values(_ array: FileArray, at place: String) throws(CommandError) -> FileArray.Values {
    switch (type, array.values) {
    case (.int64, .integers), (.uint8, .bytes): return array.values
    case (.int64, .bytes(let values)): return .integers(values.map(Int64.init))
    case (.int64, .floats(let values)):
      let whole = values.compactMap { Int64(exactly: $0) }
      guard whole.count == values.count else {
        throw CommandError(.shape, at: place, expected: "whole numbers for '\(name.clipped())'", got: "fractions")
      }
      return .integers(whole)
    case (.uint8, _):
      let bytes = array.floats.compactMap { UInt8(exactly: $0) }
      guard bytes.count == array.count else {
        throw CommandError(.shape, at: place, expected: "0 or 1 for '\(name.clipped())'", got: "other numbers")
      }
      return .bytes(bytes)
    case (_, .integers): return .floats(array.floats)
    case (_, .floats), (_, .bytes): return array.values
    }
  }

  /// How many examples an array has; nil: it is none of this input.
  fileprivate func count(_ array: FileArray) -> Int? {
    guard size > 0, array.count > 0, array.count % size == 0 else { return nil }
    let isExample = Shape(array.shape).isReadable(as: Shape(shape))
    guard isExample || Shape(array.shape).row.isReadable(as: Shape(shape)) else { return nil }
    return array.count / size
  }
}

/// Examples on their way to a model, each array in the model's shape, and what to call them.
struct ExampleBatch {
  private struct Part {
    var input: ServedInput
    var values: FileArray.Values
  }
  private var parts: [Part]
  var names: [String]
  /// The part of a picture that the model does not see, in words.
  private(set) var loss: String?

  var count: Int { names.count }

  /// Numbers of a picture that is brought to a model's size, at most.
  private static let mostNumbers = 1 << 28

  /// A file's examples for a model of one input; an image is read with as many channels as its shape says.
  /// - Parameter share: of their middle, for images that are brought to the input's size; nil: they stay as they are.
  init(path: String, for input: ServedInput, resizing share: Double? = nil) throws {
    let shape = input.shape, isImage = shape.count == 3, isLast = input.hasChannelsLast
    guard share == nil || (1...Self.mostNumbers).contains(input.size) else {
      throw CommandError(
        .badOption, at: "--resize", expected: "a model of pictures of one size", got: "one that takes \(input.words)",
        advice: shape.contains(-1) ? "leave it out: pictures of any size are taken" : nil)
    }
    let (height, width) = isImage ? isLast ? (shape[0], shape[1]) : (shape[1], shape[2]) : (0, 0)
    var array = try FileArray(
      path: path, channels: isImage && shape[isLast ? 2 : 0] == 3 ? 3 : 1,
      size: isImage ? share.map { (width: width, height: height, share: $0) } : nil, channelsLast: isLast)
    // A model that takes flat examples does not say how many channels they have.
    let isPicture = PictureFile.endings.contains(URL(filePath: path).pathExtension.lowercased())
    if shape.count == 1, isPicture, array.count * 3 == input.size {
      array = try FileArray(path: path, channels: 3)
    }
    guard let input = input.sized(to: array.shape), let count = input.count(array) else {
      throw CommandError(
        .shape, at: path, expected: "one example of shape \(input.words), or a batch of them",
        got: "shape \(array.shape)",
        advice: !isPicture || shape.contains(-1)
          ? nil : isImage ? "say --resize, or resize the image" : "resize the image")
    }
    parts = [Part(input: input, values: try input.values(array, at: path))]
    loss = array.loss
    names = count == 1 ? [path] : (0..<count).map { "\(path)[\($0)]" }
  }

  /// Arrays by the names of the inputs.
  init(_ arrays: [String: FileArray], for inputs: [ServedInput]) throws(CommandError) {
    let (parts, count) = try Self.parts(arrays, for: inputs)
    self.parts = parts
    names = (0..<count).map { "example \($0)" }
  }

  private static func parts(
    _ arrays: [String: FileArray], for inputs: [ServedInput]
  ) throws(CommandError) -> (parts: [Part], count: Int) {
    var counts: [Int] = [], parts: [Part] = []
    for input in inputs {
      let place = "--input \(input.name.clipped())"
      guard let array = arrays[input.name] else {
        throw CommandError(
          .missingOption, at: "--input",
          expected: "\(input.name)=FILE of shape [N, \(input.words.dropFirst())",
          got: "nothing for it")
      }
      guard let input = input.sized(to: array.shape), let count = input.count(array) else {
        throw CommandError(
          .shape, at: place, expected: "one example of shape \(input.words), or a batch of them",
          got: "shape \(array.shape)")
      }
      guard counts.isEmpty || counts[0] == count else {
        throw CommandError(
          .shape, at: place, expected: "\(counts[0]) examples, as '\(inputs[0].name.clipped())' has", got: "\(count)")
      }
      counts.append(count)
      parts.append(Part(input: input, values: try input.values(array, at: place)))
    }
    return (parts, counts.first ?? 0)
  }

  /// Texts as rows of words' numbers.
  init(_ texts: [String], by vocabulary: Vocabulary, for input: ServedInput) throws(CommandError) {
    guard let input = input.sized(to: [vocabulary.length]), [vocabulary.length] == input.shape else {
      throw CommandError(
        .shape, at: "--words", expected: "words for inputs of shape \(input.words)",
        got: "\(vocabulary.length) a text")
    }
    let rows = FileArray(
      shape: [texts.count, vocabulary.length], values: .floats(texts.flatMap { vocabulary.row($0) }))
    parts = [Part(input: input, values: try input.values(rows, at: "--text"))]
    names = texts.map { $0.clipped(to: 40) }
  }

  /// Pixels travel as bytes, so that the model's own normalization is applied to them.
  init(_ dataset: Dataset, for inputs: [ServedInput]) throws {
    let place = "--data \(dataset.name)"
    if let layout = dataset.layout, inputs.count > 1 || layout.parts.count > 1 {
      let arrays = layout.parts.enumerated().map { number, part in
        let rows = layout.rows(of: number, in: dataset.inputs)
        return (part.name, FileArray(shape: rows.shape.dimensions, values: .floats(rows.elements)))
      }
      parts = try Self.parts(Dictionary(arrays, uniquingKeysWith: { first, _ in first }), for: inputs).parts
    } else {
      guard inputs.count == 1, let input = inputs.first?.sized(to: dataset.inputs.shape.dimensions),
        dataset.inputs.shape.row.isReadable(as: Shape(input.shape))
      else {
        throw CommandError(
          .shape, at: place,
          expected: "examples of \(inputs.map { "\($0.name) \($0.words)" }.joined(separator: ", "))".clipped(),
          got: "shape \(dataset.inputs.shape.dimensions.dropFirst())")
      }
      let values: FileArray.Values = dataset.pixels.map { .bytes($0) } ?? .floats(dataset.inputs.elements)
      let array = FileArray(shape: dataset.inputs.shape.dimensions, values: values)
      parts = [Part(input: input, values: try input.values(array, at: place))]
    }
    names = (0..<dataset.count).map { row in
      let target =
        switch dataset.targets[row] {
        case .label(let label): dataset.targetNames[label]
        case .shares(let values), .values(let values): values.map { Double($0).digits(3) }.joined(separator: ", ")
        }
      return "\(dataset.name)[\(row)] (\(target))"
    }
  }

  /// Rows of a request, as a server takes them unless it was told otherwise.
  private static let mostRows = 4096

  /// Fills a request's inputs, part by part: at most `limit` bytes of examples each, so that every request fits into a
  /// frame, and no more rows than a server takes.
  func requests(from request: Dither_V1_PredictRequest, limit: Int = 2 << 20) -> [Dither_V1_PredictRequest] {
    let width = parts.count == 1 && parts[0].input.type != .int64 ? 4 : 8
    let step = min(Self.mostRows, max(1, limit / max(parts.reduce(0) { $0 + $1.input.size } * width, 1)))
    return stride(from: 0, to: count, by: step).map { first in
      var request = request
      let rows = first..<min(first + step, count)
      if parts.count == 1 {
        request.input = message(parts[0], examples: rows)
      } else {
        request.inputs = parts.map { part in
          var named = Dither_V1_NamedArray()
          named.name = part.input.name
          named.array = message(part, examples: rows)
          return named
        }
      }
      return request
    }
  }

  private func message(_ part: Part, examples: Range<Int>) -> Dither_V1_Array {
    var message = Dither_V1_Array()
    let size = part.input.size
    message.shape = ([examples.count] + part.input.shape).map(Int64.init)
    let range = examples.lowerBound * size..<examples.upperBound * size
    switch part.values {
    case .floats(let values):
      message.type = .float32
      message.data = Self.bytes(values[range])
    case .bytes(let values):
      message.type = .uint8
      message.data = Data(values[range])
    case .integers(let values):
      message.type = .int64
      message.data = Self.bytes(values[range])
    }
    return message
  }

  /// Little-endian, as every machine is that Swift runs on.
  private static func bytes<T: BitwiseCopyable>(_ values: ArraySlice<T>) -> Data {
    values.withUnsafeBytes { Data($0) }
  }
}

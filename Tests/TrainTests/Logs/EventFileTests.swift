import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

/// What TensorBoard would read, by a reader of its own.
@Suite("TensorBoard events of a run")
struct EventFileTests {
  /// Castagnoli's polynomial, bit by bit.
  private static func crc(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }
    return ~sum
  }

  @Test("the reader's check is the published one")
  func check() {
    #expect(Self.crc(Array("123456789".utf8)) == 0xE306_9283)
    #expect(Self.crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
  }

  /// Fields of a message by their numbers: integers, and bytes of all others.
  private static func fields(_ bytes: [UInt8]) throws -> [(field: Int, integer: UInt64, bytes: [UInt8])] {
    var at = 0, found: [(Int, UInt64, [UInt8])] = []
    func varint() throws -> UInt64 {
      var value: UInt64 = 0, shift: UInt64 = 0
      while true {
        try #require(at < bytes.count)
        value |= UInt64(bytes[at] & 0x7F) << shift
        shift += 7
        at += 1
        if bytes[at - 1] < 0x80 { return value }
      }
    }
    while at < bytes.count {
      let key = try varint(), kind = key & 7
      let value = kind == 0 ? try varint() : 0
      let count = kind == 0 ? 0 : kind == 1 ? 8 : kind == 5 ? 4 : Int(try varint())
      try #require(at + count <= bytes.count)
      found.append((Int(key >> 3), value, Array(bytes[at..<at + count])))
      at += count
    }
    return found
  }
  private static func number<Value: FixedWidthInteger>(_ bytes: some Collection<UInt8>, _ type: Value.Type) -> Value {
    bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
  }
  private static func doubles(_ bytes: [UInt8]) -> [Double] {
    stride(from: 0, to: bytes.count, by: 8).map { Double(bitPattern: number(bytes[$0..<$0 + 8], UInt64.self)) }
  }

  private struct Event {
    var step = 0
    var version: String?
    var starts = false
    var scalars: [String: Float] = [:]
    var histograms: [String: [Int: [Double]]] = [:]
  }

  private static func events(_ bytes: [UInt8]) throws -> [Event] {
    var at = 0, found: [Event] = []
    func checked(_ count: Int) throws -> [UInt8] {
      try #require(at + count + 4 <= bytes.count)
      let part = Array(bytes[at..<at + count]), sum = crc(part)
      #expect(number(bytes[at + count..<at + count + 4], UInt32.self) == (sum >> 15 | sum << 17) &+ 0xA282_EAD8)
      at += count + 4
      return part
    }
    while at < bytes.count {
      var event = Event()
      for (field, integer, bytes) in try fields(checked(Int(number(checked(8), UInt64.self)))) {
        switch field {
        case 2: event.step = Int(integer)
        case 3: event.version = String(decoding: bytes, as: UTF8.self)
        case 5: for value in try fields(bytes) { try read(value.bytes, into: &event) }
        case 7: event.starts = bytes == [8, 1]
        default: #expect(field == 1 && doubles(bytes)[0] > 1.7e9, "the time")
        }
      }
      found.append(event)
    }
    return found
  }

  private static func read(_ value: [UInt8], into event: inout Event) throws {
    let parts = try fields(value),
      tag = String(decoding: try #require(parts.first { $0.field == 1 }).bytes, as: UTF8.self)
    for part in parts where part.field == 2 {
      event.scalars[tag] = Float(bitPattern: number(part.bytes, UInt32.self))
    }
    for part in parts where part.field == 5 {
      event.histograms[tag] = Dictionary(
        uniqueKeysWithValues: try fields(part.bytes).map { ($0.field, doubles($0.bytes)) })
    }
  }

  private static func floats(_ literal: Literal) -> [Float]? {
    if case .float(let tensor) = literal { Array(tensor.elements) } else { nil }
  }

  /// The files of a run, in their order.
  private static func files(_ folder: String) throws -> [[Event]] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("tfevents") }.sorted()
    return try names.map { try events([UInt8](Data(contentsOf: URL(filePath: "\(folder)/\($0)")))) }
  }

  private static let text = """
    name: a
    data: iris
    model: {kind: mlp, hidden: [8]}
    noise: [{site: weights, sigma: 0.25, schedule: linear}]
    validation: 30
    epochs: 3
    batch: 32
    """

  @Test("a file has the numbers of the log and the parameters as they lie; one that is gone on with a second")
  func wholeAndResumed() throws {
    let scratch = try Scratch(), root = DataRoot(URL(filePath: scratch.file("data"))), folder = scratch.file("out")
    let lines = (0..<150).map { row in
      let kind = row / 50, wave = (0..<4).map { sin(Double(row * (3 + $0))) / 3 + Double(kind * ($0 + 1)) }
      return (wave.map { "\($0)" } + [["Iris-setosa", "Iris-versicolor", "Iris-virginica"][kind]]).joined(
        separator: ",")
    }
    let file = root.url.appending(path: "uci/iris/iris.csv")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)

    let recipe = try Recipe(yaml: Self.text)
    var seen: [TrainProgress] = []
    let run = TrainRun(recipe, root: root, folder: folder, threads: 1)
    guard case .finished(_, let model) = try run.run(progress: { if $0.endsEpoch { seen.append($0) } }) else {
      throw CancellationError()
    }
    let events = try #require(Self.files(folder + "/runs/a-seed1").first)
    #expect(
      events.map(\.step) == [0, 1, 2, 3] && events[0].version == "brain.Event:2" && !events.contains(where: \.starts))
    for (event, progress) in zip(events.dropFirst(), seen) {
      #expect(event.scalars["loss"] == Float(progress.loss))
      #expect(event.scalars["validation_accuracy"] == (progress.validation?.accuracy).map { Float($0) })
      #expect(event.scalars["accuracy"] == progress.quality.accuracy.map { Float($0) })
      let wanted = ["rate", "gradient_norm", "seconds", "noise_1_gaussian_weights"]
      #expect(wanted.allSatisfy { event.scalars[$0] != nil } && event.scalars["error"] == nil)
    }
    let graph = try Graph(onnx: [UInt8](Data(contentsOf: URL(filePath: model))))
    let last = try #require(events.last).histograms
    #expect(
      last.keys.sorted() == ["dense0.bias", "dense0.weight", "dense1.bias", "dense1.weight"].map { "parameters/" + $0 })
    let weights = try #require(graph.literals.values.compactMap(Self.floats).first { $0.count == 24 }).map {
      Double($0)
    }
    let found = try #require(last["parameters/dense1.weight"]), low = try #require(weights.min())
    #expect(found[1] == [low] && found[2] == weights.max().map { [$0] } && found[3] == [24])
    #expect(abs(try #require(found[4]?.first) - weights.reduce(0, +)) < 1e-9)
    #expect(abs(try #require(found[5]?.first) - weights.reduce(0) { $0 + $1 * $1 }) < 1e-9)
    let limits = try #require(found[6]), counts = try #require(found[7])
    #expect(limits.count == counts.count && limits == limits.sorted() && limits.last == weights.max())
    for (at, limit) in limits.enumerated() where at + 1 < limits.count {
      // A number at the very limit may be counted on either side.
      let below = weights.count { $0 < limit - 1e-9 }, counted = Int(counts[...at].reduce(0, +))
      #expect((below...weights.count { $0 < limit + 1e-9 }).contains(counted))
    }
    #expect(counts.reduce(0, +) == 24)

    // Stopped in its second epoch: the second file's epochs take the place of any that the first may have.
    let other = try Recipe(yaml: Self.text.replacing("name: a", with: "name: b")), steps = Atomic(0)
    let stopped = try TrainRun(other, root: root, folder: folder, threads: 1)
      .run(shouldStop: { steps.add(1, ordering: .relaxed).newValue > 4 })
    guard case .stopped = stopped else { throw CancellationError() }
    _ = try TrainRun(other, root: root, folder: folder, resumes: true, threads: 1).run()
    let files = try Self.files(folder + "/runs/b-seed1")
    let places: [[Int]] = files.map { $0.map(\.step) }, starts = files.last?.map(\.starts)
    #expect(places == [[0, 1], [0, 2, 2, 3]] && starts == [false, true, false, false])
    let losses: [Float] = files.joined().compactMap { $0.scalars["loss"] }
    let whole: [Float] = events.compactMap { $0.scalars["loss"] }
    #expect(losses == whole && losses.count == 3)
  }
}

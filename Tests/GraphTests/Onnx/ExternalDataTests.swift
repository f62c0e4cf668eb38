import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Numbers that a file keeps in other files are put into it, by whoever reads these.
@Suite("External data")
struct ExternalDataTests {
  private typealias Part = (inout OnnxMessage) -> Void

  /// y = x + w, w of three floats that lie where the entries say.
  private static func file(_ entries: [(String, String)], raw: [UInt8] = [], copies: Int = 1) -> [UInt8] {
    func value(_ name: String) -> Part { OnnxMessage.value(name, OnnxMessage.tensorType(1, [nil, 3])) }
    var model = OnnxMessage()
    model.put(1, 8)
    model.put(7) { graph in
      graph.put(1, OnnxMessage.node("Add", ["x", "w0"], ["y"]))
      for copy in 0..<copies {
        graph.put(5) { tensor in
          tensor.put(1, 3)
          tensor.put(2, 1)
          tensor.put(8, "w\(copy)")
          if !raw.isEmpty { tensor.put(9, raw) }
          for (key, text) in entries {
            tensor.put(13) {
              $0.put(1, key)
              $0.put(2, text)
            }
          }
          tensor.put(14, 1)
        }
      }
      graph.put(11, value("x"))
      graph.put(12, value("y"))
    }
    model.put(8) {
      $0.put(1, "")
      $0.put(2, 17)
    }
    return model.bytes
  }

  private static let numbers: [Float] = [9, 1, 2, 3]
  private static func read(_ part: OnnxExternalData.Part, _ most: Int) -> [UInt8] {
    let bytes = numbers.withUnsafeBytes { Array($0) }
    return Array(bytes[part.offset..<(part.length.map { part.offset + $0 } ?? bytes.count)])
  }

  @Test("are read from where they lie; a file without them stays as it is")
  func joined() throws {
    let lengths: [[(String, String)]] = [[("length", "12")], []]
    for length in lengths {
      let file = Self.file([("location", "parts/w.bin"), ("offset", "4")] + length)
      #expect(throws: GraphError.self) { try Graph(onnx: file) }
      var asked: [[String]] = []
      let whole = try OnnxExternalData.joined(file) { part, most in
        asked.append(part.path)
        let wanted = OnnxLimits.standard.fileBytes - file.count
        #expect(part.offset == 4 && most == wanted)
        return Self.read(part, most)
      }
      #expect(asked == [["parts", "w.bin"]])
      let found = try Network(Graph(onnx: whole)).outputs([.float(Tensor([1, 3], [0, 0, 10]))])
      let again = try OnnxExternalData.joined(whole, read: Self.read)
      #expect(found == [1, 2, 13] && again == whole)
    }
  }

  @Test(
    "places that are none are refused before anything is read",
    arguments: [
      ([("location", "../w.bin")], "below the model's folder"), ([("location", "/etc/passwd")], "'/etc/passwd'"),
      ([("location", "a/./w.bin")], "below the model's folder"), ([("location", "")], "below the model's folder"),
      ([("location", "a//b")], "below the model's folder"), ([("offset", "4")], "a location"),
      ([("location", "w"), ("location", "v")], "'location' twice"), ([("location", "w"), ("offset", "-4")], "'-4'"),
      ([("location", "w"), ("length", "9999999999")], "at most 536870912 bytes"),
      ([("location", "w"), ("length", "twelve")], "'twelve'"),
    ])
  func refused(_ entries: [(String, String)], _ says: String) {
    let file = Self.file(entries)
    func read(_ part: OnnxExternalData.Part, _ most: Int) -> [UInt8] {
      Issue.record("it was read")
      return []
    }
    let error = #expect(throws: GraphError.self) { try OnnxExternalData.joined(file, read: read) }
    #expect(error?.description.contains(says) == true, "\(String(describing: error))")
  }

  /// A part's path and length may be anything that a file can say: what is asked for stays within the folder and the
  /// bound.
  @Test("files with any byte changed ask for no more, and for nothing elsewhere")
  func mutated() {
    let file = Self.file([("location", "a/w.bin"), ("offset", "4"), ("length", "12")])
    var few = OnnxLimits()
    few.fileBytes = 1 << 16
    let limits = few
    var asked = 0, refused = 0
    for at in file.indices {
      for change: UInt8 in [0x01, 0x0A, 0x2E, 0x2F, 0x80, 0xFF] {
        var bytes = file
        bytes[at] ^= change
        let whole = try? OnnxExternalData.joined(bytes, limits: limits) { part, most in
          asked += 1
          let isBelow = !part.path.isEmpty && part.path.allSatisfy { !["", ".", ".."].contains($0) }
          #expect(isBelow && !part.path.joined().contains("\0"))
          #expect(part.offset >= 0 && most <= limits.fileBytes && part.length ?? 0 <= most)
          return [UInt8](repeating: 0, count: min(part.length ?? 12, most))
        }
        guard let whole else {
          refused += 1
          continue
        }
        #expect(whole.count <= 2 * limits.fileBytes)
        // Whatever is left of it is read or refused, as any file is.
        _ = try? Graph(onnx: whole, limits: limits)
      }
    }
    #expect(asked > 50 && refused > 20, "\(asked) asked, \(refused) refused")
  }

  @Test("parts that say less or more than came, and constants inside branches")
  func lengths() {
    let file = Self.file([("location", "w"), ("length", "12")])
    for count in [0, 11, 13] {
      let error = #expect(throws: GraphError.self) {
        try OnnxExternalData.joined(file) { _, _ in [UInt8](repeating: 0, count: count) }
      }
      #expect(error?.place == "initializer 'w0'" && error?.got == "\(count)", "\(error?.description ?? "")")
    }
    // Without a length all that the file has counts, and the tensor says whether it is enough.
    let open = Self.file([("location", "w")])
    for count in [11, 13] {
      let error = #expect(throws: GraphError.self) {
        try Graph(onnx: OnnxExternalData.joined(open) { _, _ in [UInt8](repeating: 0, count: count) })
      }
      #expect(error?.code == .malformed)
    }
  }

  @Test("all together are bounded, and numbers are in the file or beside it")
  func bounded() {
    var few = OnnxLimits()
    let file = Self.file([("location", "w"), ("offset", "4"), ("length", "12")], copies: 3)
    few.fileBytes = file.count + 30
    let limits = few
    let many = #expect(throws: GraphError.self) {
      try OnnxExternalData.joined(file, limits: limits, read: Self.read)
    }
    #expect(many?.description.contains("'w2'") == true)
    #expect(many?.description.contains("of the file and all beside it") == true)
    let both = Self.file([("location", "w")], raw: [UInt8](repeating: 0, count: 12))
    let twice = #expect(throws: GraphError.self) { try OnnxExternalData.joined(both, read: Self.read) }
    #expect(twice?.description.contains("both") == true)
  }
}

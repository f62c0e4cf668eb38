import DitherTestSupport
import Foundation
import Testing

@Suite("dither bench", .enabled(if: Program.isBuilt, "dither is not built"))
struct BenchTests {
  private static func names() throws -> [String] {
    let list = try Program.run("bench", "--list")
    #expect(list.status == 0)
    return list.output.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
  }

  @Test("every name is listed whole, once, with what it measures")
  func list() throws {
    let list = try Program.run("bench", "--list").output.split(separator: "\n"), names = try Self.names()
    #expect(names.count > 30 && Set(names).count == names.count && list.allSatisfy { $0.contains("  ") })
    #expect(names.allSatisfy { $0.wholeMatch(of: /[a-z]+\/[a-z0-9-]+/) != nil }, "\(names)")
  }

  @Test("a line of results begins with the whole name, however long, measured or skipped")
  func wholeNames() throws {
    let longest = try #require(Self.names().filter { $0.hasPrefix("precision/") }.max { $0.count < $1.count })
    #expect(longest.count > 28)
    let result = try Program.run("bench", longest, "--seconds", "0.01")
    #expect(result.status == 0 && result.output.hasPrefix("\(longest)  "), "\(result.output)\(result.errors)")
  }

  @Test("its JSON has the figures of its words: least, median and most, in seconds")
  func figures() throws {
    let result = try Program.run("bench", "engine/normals", "--seconds", "0.02", "--json")
    let benches = try #require(try result.json()["benches"] as? [[String: Any]])
    #expect(benches.count == 1 && benches[0]["name"] as? String == "engine/normals" && benches[0]["ratio"] == nil)
    let times = ["min_s", "median_s", "max_s"].compactMap { benches[0][$0] as? Double }
    #expect(times.count == 3 && times == times.sorted() && times[0] > 0 && times[0] < 10)
    #expect(result.errors.contains("engine/normals"))
  }

  @Test("the queue of shards is measured where its store is, and skipped where there is none")
  func queue() throws {
    let result = try Program.run(
      ["bench", "queue", "--seconds", "0.1", "--json"], environment: ["DITHER_DATABASE": ""])
    let benches = try #require(try result.json()["benches"] as? [[String: Any]])
    #expect(benches.count == 2 && (benches[1]["skipped"] as? String)?.contains("DITHER_DATABASE") == true)
    let details = try #require(benches[0]["details"] as? [String: Double])
    #expect((details["claims_per_second"] ?? 0) > 1, "\(result.errors)")
  }

  @Test("a name that is none is refused with the nearest")
  func unknown() throws {
    let result = try Program.run("bench", "engine/normal")
    #expect(result.status == 2 && result.errors.contains("did you mean 'engine/normals'?"), "\(result.errors)")
  }
}

/// Numbers at the ends of what can be typed.
@Suite("Numbers of options", .enabled(if: Program.isBuilt, "dither is not built"))
struct OptionNumberTests {
  static let options: [[String]] = [
    ["bench", "--list", "--seconds"], ["bench", "engine/normals", "--seconds"],
    ["predict", "m", "--data", "iris", "--timeout"],
    ["predict", "m", "--data", "iris", "--tolerance"], ["predict", "m", "--data", "iris", "--coverage"],
    ["predict", "m", "--input", "x.png", "--resize", "--crop"],
    ["predict", "m", "--data", "iris", "--samples"], ["calibrate", "m", "--data", "iris", "--timeout"],
    ["serve", "--host", "no.such.host.invalid", "--insecure", "--grace"],
    ["serve", "--host", "no.such.host.invalid", "--insecure", "--threads"],
    ["serve", "--host", "no.such.host.invalid", "--insecure", "--grpc-port"],
    ["audit", "no-such.onnx", "--data", "iris", "--probe", "clean", "--budget"],
    ["train", "recipes/mnist-mlp-noise.yml", "--epochs"],
    ["train", "recipes/mnist-mlp-noise.yml", "--threads"],
    ["models", "alias", "m@1", "a", "--expected-version"],
  ]

  @Test("none ends the program, and what is no number is refused by the option's name", arguments: options)
  func ends(_ words: [String]) throws {
    let option = try #require(words.last), scratch = try Scratch()
    for value in [
      "nan", "inf", "-inf", "-1", "1e300", "1e19", "9223372036854775807", "18446744073709551616", "0x1p1023",
    ] {
      let result = try Program.run(
        words.dropLast() + ["\(option)=\(value)"],
        environment: [
          "DITHER_DATA": scratch.path, "DITHER_ADDRESS": "dither+plain://127.0.0.1:1", "HOME": scratch.path,
        ])
      // A signal's number, or that of a defect, is none of these.
      #expect((0...6).contains(result.status), "\(value): \(result.status) \(result.errors.suffix(300))")
      guard ["nan", "-inf", "-1"].contains(value) else { continue }
      #expect(result.status == 2, "\(value): \(result.errors.suffix(300))")
      let name = option.dropFirst(2).replacing("-", with: " ")
      #expect(
        result.errors.contains(option) || result.errors.lowercased().contains(name),
        "\(value): \(result.errors.suffix(300))")
    }
  }
}

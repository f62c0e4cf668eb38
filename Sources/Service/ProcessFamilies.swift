import Foundation

/// Metrics of the process, by the names that Prometheus' own clients use; from `/proc`, where there is
/// one.
enum ProcessFamilies {
  /// - Parameter code: the program, as reports name it.
  static func all(code: String) -> [Metrics.Family] {
    let started = Date().timeIntervalSince1970
    return [
      Metrics.Family(name: "dither_build_info", help: "The program, as reports name it.", type: "gauge") {
        [.init(labels: [("code", code.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline })], number: 1)]
      },
      .gauge("process_start_time_seconds", "When the server was made, in seconds since 1970.") { started },
      Metrics.Family(name: "process_resident_memory_bytes", help: "Memory that is in use.", type: "gauge") {
        resident.map { [.init(number: $0)] } ?? []
      },
      Metrics.Family(name: "process_cpu_seconds_total", help: "Time of all cores.", type: "counter") {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return [] }
        return [.init(number: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)]
      },
      Metrics.Family(name: "process_open_fds", help: "Open files and connections.", type: "gauge") {
        let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        return open.map { [.init(number: Double($0))] } ?? []
      },
    ]
  }

  /// Bytes.
  private static var resident: Double? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) }
    return pages.map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
  }
}

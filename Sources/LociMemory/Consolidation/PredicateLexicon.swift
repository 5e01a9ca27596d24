/// Ways of saying the relations that memories are mostly about, in English and Chinese. A relation with one value at a
/// time is changed by another value; one with many is not.
enum Relation: String, Hashable, CaseIterable {
  // One value at a time.
  case residence, employer, occupation, age, schedule, location, cost, named, status, study, drives, married
  /// "Anna's phone number is …", "安娜的电话是…": what is owned names the attribute.
  case attribute
  // Many at once.
  case likes, allergy, has, speaks, plays, eats, visited, wants, does, knows

  var isSingle: Bool {
    switch self {
    case .residence, .employer, .occupation, .age, .schedule, .location, .cost, .named, .status, .study,
      .drives, .married, .attribute:
      true
    case .likes, .allergy, .has, .speaks, .plays, .eats, .visited, .wants, .does, .knows: false
    }
  }
}

struct Predicate {
  /// Stems, or characters, one after the other.
  let words: [String]
  let relations: Set<Relation>
  /// Whether it denies what it names: "quit", "dislikes", "讨厌".
  var isNegative = false
  /// Whether it says that something is new: "moved to", "no longer".
  var isChange = false
  /// Whether the value stands before it: "Berlin is where Anna lives".
  var isInverted = false
}

enum PredicateLexicon {
  static let english: [Predicate] = build([
    (
      "live in|reside in|based in|home is in|settled in|house is in|home town is|home is|dwell in",
      [.residence], ""
    ),
    ("move to|moved over to|relocate to|moved house to", [.residence, .schedule], "change"),
    ("move from|relocate from", [.residence], "change"),
    ("moved away from|moved out of", [.residence], "negative change"),
    ("is where|is the city where|is the place where", [.residence], "inverted"),
    ("work at|work for|employed by|employed at|job at|job with|working at|on the staff of", [.employer], ""),
    (
      "join|start at|started working at|switched to|hired by|took a job at|got a job at", [.employer],
      "change"
    ),
    ("left|quit|resigned from", [.employer, .likes, .does, .plays], "negative change"),
    (
      "work as|employed as|job is|profession is|occupation is|earn a living as|by profession", [.occupation],
      ""
    ),
    ("became|become|is now working as|retrained as", [.occupation], "change"),
    ("turned", [.age], "change"), ("age is|aged", [.age], ""),
    (
      "is on|is at|takes place on|take place at|scheduled for|is set for|held on|planned for|starts at|begins at|start on|held in|take place in|starts in|begins on|begins in",
      [.schedule], ""
    ),
    (
      "postponed to|rescheduled to|rescheduled for|moved to|pushed to|brought forward to|shifted to",
      [.schedule], "change"
    ),
    ("located in|situated in|stands in|is found in", [.location], ""),
    ("cost|price is|priced at|sell for|goes for", [.cost], ""),
    ("called|named|name is|goes by the name of|answers to the name", [.named], ""),
    ("married to|wife is|husband is|spouse is", [.married], ""),
    ("study|studying at|enrolled at|enrolled in|major in|student at|student of", [.study], ""),
    ("drive|drives a|behind the wheel of", [.drives], ""),
    (
      "like|love|enjoy|fond of|keen on|adore|is into|is a fan of|big fan of|can stand|could stand|passionate about|take pleasure in|crazy about|prefer",
      [.likes], ""
    ),
    ("is something|are something|is what", [.likes], "inverted"),
    ("dislike|hate|detest|loath|fed up with", [.likes], "negative"),
    ("allergic to|allergy to|react badly to|allergic reaction to", [.allergy], ""),
    ("give|gives", [.allergy], "inverted"),
    ("own|has a|have a|possess|keep a|keeps a", [.has], ""),
    ("speak|fluent in", [.speaks], ""), ("play", [.plays], ""), ("eat|drink", [.eats], ""),
    ("visit|travel to|went to|been to|trip to", [.visited], ""),
    ("want to|would like to|plan to|hope to|intend to|dream of", [.wants], ""),
    ("stopped|gave up|given up", [.does, .likes, .plays, .eats], "negative change"),
    ("know how to|able to", [.knows], "")
  ])

  static let chinese: [Predicate] = build([
    ("住在|家在|居住在|现居|定居在|定居|的家在|生活在|安家在|落户在", [.residence], ""),
    ("搬到|搬去|搬家到|迁居|迁到|移居", [.residence], "change"),
    ("工作于|任职于|供职于|就职于|的公司是|的单位是|受雇于|上班的地方是", [.employer], ""),
    ("离开|离职", [.employer, .residence], "negative change"),
    ("加入|入职|跳槽到|跳槽去|换到|转到", [.employer], "change"),
    ("的职业是|的工作是|当|担任|从事|职业是|以", [.occupation], ""),
    ("成为|转行做|改行当|改行做", [.occupation], "change"),
    ("今年|年龄是|的年龄是|满", [.age], ""),
    ("定在|安排在|时间是|的时间是|举行时间是|将于|开始于", [.schedule], ""),
    ("改到|推迟到|提前到|改为|改在|延期到|延到", [.schedule], "change"),
    ("位于|坐落在|地点在|地址是|的地址是|地点是", [.location], ""),
    ("价格是|的价格是|售价|卖|要价|价钱是|的价钱是", [.cost], ""),
    ("名叫|叫做|叫|的名字是|名字是|取名", [.named], ""),
    ("的妻子是|的丈夫是|的老婆是|的老公是|嫁给|娶", [.married], ""),
    ("就读于|在读|的专业是|主修|专业是|念的是", [.study], ""),
    ("开的车是|的车是|开的是", [.drives], ""),
    ("喜欢|爱好|热爱|喜爱|钟爱|爱|热衷于|对|迷上|酷爱|偏爱", [.likes], ""),
    ("讨厌|厌恶|反感|受不了|不爱", [.likes], "negative"),
    ("对过敏|过敏源是|的过敏原是|会过敏", [.allergy], ""),
    ("养了|养着|养|拥有|买了", [.has], ""), ("会说|能说|会讲|懂", [.speaks], ""),
    ("弹|打|踢|演奏", [.plays], ""), ("吃|喝", [.eats], ""), ("去过|到过|游览|旅行去|参观", [.visited], ""),
    ("想要|打算|希望|计划|梦想", [.wants], ""),
    ("戒了|戒掉|放弃|停止|戒", [.does, .likes, .plays, .eats], "negative change"), ("学会|擅长", [.knows], "")
  ])

  private static func build(_ rows: [(String, Set<Relation>, String)]) -> [Predicate] {
    rows.flatMap { phrases, relations, flags in
      phrases.split(separator: "|").map { phrase in
        let words =
          phrase.first.map(StatementText.isCJK) == true
          ? phrase.map(String.init) : phrase.split(separator: " ").map { StatementText.stem(String($0)) }
        return Predicate(
          words: words, relations: relations, isNegative: flags.contains("negative"),
          isChange: flags.contains("change"), isInverted: flags.contains("inverted"))
      }
    }.sorted { $0.words.count > $1.words.count }
  }
}

"""A seeded generator of labelled pairs of memories in English and Chinese: paraphrases, updates, negations, near-misses.

No such set exists in the open. The parts share no template and hardly a filler word. The comparison by predicates was
made with `dev`, and mended where it failed on `held`. The comparison by structure and meaning was made with `fresh`.
`sealed` was written before that one and run once after it (docs/learning.md has the figures); its wrong merges were then
looked at, so the next change needs another part. All are by one hand, which a person's own memories are not."""

import random

# Each attribute: statements of the same fact ({s} subject, {v} value), ways to say that it changed, denials, and
# statements of something else that shares the words. A value set holds values that exclude each other.
ENGLISH = {
    "dev": {
        "names": ["Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo"],
        "attributes": [
            {
                "values": ["Berlin", "Munich", "Hamburg", "Cologne", "Leipzig"],
                "same": ["{s} lives in {v}.", "{s}'s home is in {v}.", "{s} resides in {v}.", "{v} is where {s} lives."],
                "change": ["{s} moved from {u} to {v}.", "{s} now lives in {v}.", "{s} has relocated to {v}."],
                "deny": ["{s} does not live in {v}.", "{s} no longer lives in {v}."],
                "near": ["{s}'s brother lives in {w}.", "{s} visited {w} last year.", "{s} plans to visit {w}."],
            },
            {
                "values": ["Siemens", "Bosch", "Airbus", "Bayer", "Lufthansa"],
                "same": ["{s} works at {v}.", "{s} is employed by {v}.", "{s} has a job at {v}."],
                "change": ["{s} left {u} and joined {v}.", "{s} now works for {v}."],
                "deny": ["{s} does not work at {v}.", "{s} no longer works at {v}."],
                "near": ["{s}'s sister works at {w}.", "{s} bought shares of {w}."],
            },
            {
                "values": ["hiking", "chess", "painting", "swimming", "baking"], "many": True,
                "same": ["{s} likes {v}.", "{s} enjoys {v}.", "{s} is fond of {v}.", "{s} loves {v}."],
                "change": [], "deny": ["{s} does not like {v}.", "{s} hates {v}."],
                "near": ["{s} likes {w}.", "{s}'s father likes {v}."],
            },
            {
                "values": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], "subject": "the {n} meeting",
                "same": ["{S} is on {v}.", "{S} takes place on {v}.", "{S} is scheduled for {v}."],
                "change": ["{S} was moved to {v}.", "{S} was postponed to {v}."],
                "deny": ["{S} is not on {v}."], "near": ["{N} wants to travel on {v}."],
            },
            {
                "values": ["peanuts", "cats", "pollen", "milk", "shellfish"], "many": True,
                "same": ["{s} is allergic to {v}.", "{s} has an allergy to {v}."],
                "change": [], "deny": ["{s} is not allergic to {v}."], "near": ["{s} is allergic to {w}."],
            },
        ],
    },
    "held": {
        "names": ["Olivia", "Peter", "Quentin", "Rosa", "Simon", "Tanya", "Ursula", "Victor", "Wendy", "Xavier"],
        "attributes": [
            {
                "values": ["Lisbon", "Oslo", "Madrid", "Vienna", "Prague", "Dublin"],
                "same": ["{s} lives in {v} now.", "{s}'s house is in {v}.", "{s} is based in {v}.", "{s} is living in {v}."],
                "change": ["{s} has moved to {v}.", "{s} moved away from {u} and settled in {v}.", "{s} is living in {v} these days."],
                "deny": ["{s} doesn't live in {v} anymore.", "{s} never lived in {v}."],
                "near": ["{s}'s parents live in {w}.", "{s} travelled to {w} in June.", "{s} would like to live in {w} one day."],
            },
            {
                "values": ["Nokia", "Renault", "Philips", "Ericsson", "Nestle"],
                "same": ["{s} works for {v}.", "{s} has a job with {v}.", "{s} is working at {v}."],
                "change": ["{s} quit {u} and started at {v}.", "{s} was hired by {v}."],
                "deny": ["{s} doesn't work for {v}.", "{s} is no longer employed by {v}."],
                "near": ["{s}'s wife works for {w}.", "{s} had an interview with a supplier of {w}."],
            },
            {
                "values": ["sailing", "opera", "gardening", "climbing", "photography"], "many": True,
                "same": ["{s} is keen on {v}.", "{s} adores {v}.", "{s} is passionate about {v}.", "{s} takes pleasure in {v}.", "{v} is something {s} enjoys."],
                "change": [], "deny": ["{s} dislikes {v}.", "{s} doesn't enjoy {v} at all.", "{s} can't stand {v}."],
                "near": ["{s} is keen on {w}.", "{s}'s neighbour is keen on {v}."],
            },
            {
                "values": ["January", "March", "May", "July", "September"], "subject": "the {n} audit",
                "same": ["{S} is planned for {v}.", "{S} will be held in {v}.", "{S} takes place in {v}."],
                "change": ["{S} was rescheduled to {v}.", "{S} has been brought forward to {v}."],
                "deny": ["{S} is not planned for {v}."], "near": ["{N} goes on holiday in {v}."],
            },
            {
                "values": ["red", "green", "blue", "yellow", "purple"],
                "same": ["{s}'s favourite colour is {v}.", "The favourite colour of {s} is {v}.", "{v} is {s}'s favourite colour."],
                "change": ["{s}'s favourite colour is now {v}."], "deny": ["{s}'s favourite colour is not {v}."],
                "near": ["{s}'s bicycle is {w}.", "{s}'s favourite colour scheme for slides is {w}."],
            },
            {
                "values": ["Rex", "Luna", "Bruno", "Coco", "Milo"],
                "same": ["{s}'s dog is called {v}.", "{s}'s dog is named {v}.", "The name of {s}'s dog is {v}."],
                "change": [], "deny": ["{s}'s dog is not called {v}."], "near": ["{s}'s cat is called {w}."],
            },
            {
                "values": ["31", "42", "27", "55", "38"],
                "same": ["{s} is {v} years old.", "{s}'s age is {v}."], "change": ["{s} turned {v}."],
                "deny": ["{s} is not {v} years old."], "near": ["{s} has lived there for {w} years."],
            },
        ],
    },
}

CHINESE = {
    "dev": {
        "names": ["张敏", "李强", "王芳", "刘洋", "陈静", "赵磊"],
        "attributes": [
            {
                "values": ["北京", "上海", "广州", "成都", "杭州"],
                "same": ["{s}住在{v}。", "{s}的家在{v}。", "{s}现居{v}。"],
                "change": ["{s}从{u}搬到了{v}。", "{s}现在住在{v}。"], "deny": ["{s}不住在{v}。", "{s}已经不住在{v}了。"],
                "near": ["{s}的哥哥住在{w}。", "{s}去年去过{w}。"],
            },
            {
                "values": ["华为", "腾讯", "百度", "小米", "京东"],
                "same": ["{s}在{v}工作。", "{s}在{v}上班。", "{s}任职于{v}。"],
                "change": ["{s}跳槽到了{v}。", "{s}离开{u}加入了{v}。"], "deny": ["{s}不在{v}工作。"],
                "near": ["{s}的妹妹在{w}工作。"],
            },
            {
                "values": ["爬山", "下棋", "画画", "游泳", "烘焙"], "many": True,
                "same": ["{s}喜欢{v}。", "{s}热爱{v}。", "{s}对{v}感兴趣。"], "change": [],
                "deny": ["{s}不喜欢{v}。", "{s}讨厌{v}。"], "near": ["{s}喜欢{w}。", "{s}的爸爸喜欢{v}。"],
            },
            {
                "values": ["周一", "周二", "周三", "周四", "周五"], "subject": "{n}的会议",
                "same": ["{S}定在{v}。", "{S}安排在{v}。"], "change": ["{S}改到了{v}。", "{S}推迟到{v}。"],
                "deny": ["{S}不在{v}。"], "near": ["{N}打算{v}去旅行。"],
            },
        ],
    },
    "held": {
        "names": ["孙丽", "周涛", "吴倩", "郑凯", "冯雪", "蒋文", "沈洁", "韩冰"],
        "attributes": [
            {
                "values": ["南京", "西安", "武汉", "厦门", "青岛", "天津"],
                "same": ["{s}目前居住在{v}。", "{s}定居在{v}。", "{s}在{v}生活。"],
                "change": ["{s}已经搬去{v}。", "{s}迁居{v}了。"], "deny": ["{s}没有住在{v}。", "{s}不再居住在{v}。"],
                "near": ["{s}的父母居住在{w}。", "{s}上个月到过{w}。"],
            },
            {
                "values": ["联想", "美团", "网易", "海尔", "格力"],
                "same": ["{s}供职于{v}。", "{s}在{v}任职。", "{s}就职于{v}。"],
                "change": ["{s}入职{v}了。", "{s}换到{v}上班了。"], "deny": ["{s}没有在{v}上班。", "{s}不再供职于{v}。"],
                "near": ["{s}的丈夫供职于{w}。"],
            },
            {
                "values": ["摄影", "园艺", "攀岩", "听戏", "钓鱼"], "many": True,
                "same": ["{s}爱好{v}。", "{s}喜爱{v}。", "{v}是{s}的爱好。", "{s}热衷于{v}。"], "change": [],
                "deny": ["{s}不爱{v}。", "{s}对{v}不感兴趣。", "{s}厌恶{v}。"], "near": ["{s}爱好{w}。", "{s}的邻居爱好{v}。"],
            },
            {
                "values": ["花生", "海鲜", "花粉", "牛奶", "猫毛"], "many": True,
                "same": ["{s}对{v}过敏。", "{s}碰{v}会过敏。"], "change": [], "deny": ["{s}对{v}不过敏。"],
                "near": ["{s}对{w}过敏。"],
            },
            {
                "values": ["一月", "三月", "五月", "七月", "九月"], "subject": "{n}的审计",
                "same": ["{S}安排在{v}。", "{S}将于{v}进行。"], "change": ["{S}延期到{v}。", "{S}提前到{v}。"],
                "deny": ["{S}不安排在{v}。"], "near": ["{N}计划{v}度假。"],
            },
            {
                "values": ["红色", "绿色", "蓝色", "黄色", "紫色"],
                "same": ["{s}最喜欢的颜色是{v}。", "{s}最爱的颜色是{v}。"], "change": ["{s}现在最喜欢的颜色是{v}。"],
                "deny": ["{s}最喜欢的颜色不是{v}。"], "near": ["{s}的自行车是{w}的。"],
            },
            {
                "values": ["31", "42", "27", "55", "38"], "same": ["{s}今年{v}岁。", "{s}的年龄是{v}岁。"],
                "change": ["{s}满{v}岁了。"], "deny": ["{s}不是{v}岁。"], "near": ["{s}在那里住了{w}年。"],
            },
        ],
    },
}

FRESH_ENGLISH = {
    "names": ["Irene", "Jakob", "Klara", "Linus", "Martha", "Nils"],
    "attributes": [
        {
            "values": ["Turin", "Porto", "Bergen", "Gdansk", "Basel"],
            "same": ["{s} calls {v} home.", "{s} has an apartment in {v}.", "These days {s} is a resident of {v}."],
            "change": ["{s} traded {u} for {v}.", "{s} packed up and went to live in {v}."],
            "deny": ["{s} gave up the apartment in {v}.", "{s} is not a resident of {v}."],
            "near": ["{s} has an aunt in {w}.", "{s} spent a weekend in {w}."],
        },
        {
            "values": ["Volvo", "Henkel", "Carrefour", "Unilever"],
            "same": ["{s} is on the payroll of {v}.", "{s}'s employer is {v}.", "{s} earns a living at {v}."],
            "change": ["{s} signed a contract with {v}.", "{s}'s new employer is {v}."],
            "deny": ["{s}'s employer is not {v}.", "{s} was laid off by {v}."],
            "near": ["{s} complained about {w}.", "{s}'s landlord is on the payroll of {v}."],
        },
        {
            "values": ["jazz", "karate", "pottery", "cycling"], "many": True,
            "same": ["{s} can't get enough of {v}.", "{s} is wild about {v}.", "{s}'s great passion is {v}."],
            "change": [], "deny": ["{s} finds {v} boring.", "{s} is not wild about {v}.", "{s} couldn't care less about {v}."],
            "near": ["{s} is wild about {w}.", "{s} read a book on {v}."],
        },
        {
            "values": ["9:00", "10:30", "14:00", "16:15"], "subject": "{n}'s appointment",
            "same": ["{S} is at {v}.", "{S} begins at {v}.", "The time of {S} is {v}."],
            "change": ["{S} was put off until {v}.", "{S} is now at {v}."], "deny": ["{S} is not at {v}."],
            "near": ["{N} has breakfast at {v}."],
        },
        {
            "values": ["4711", "8023", "1590", "6642"],
            "same": ["{s}'s locker code is {v}.", "The code of {s}'s locker is {v}."],
            "change": ["{s} changed the locker code to {v}."], "deny": ["{s}'s locker code is not {v}."],
            "near": ["{s}'s customer number is {w}."],
        },
    ],
}

FRESH_CHINESE = {
    "names": ["杨帆", "许晴", "何军", "吕梅", "施伟", "孔燕"],
    "attributes": [
        {
            "values": ["长沙", "昆明", "大连", "苏州", "福州"],
            "same": ["{s}在{v}安了家。", "{s}是{v}的居民。", "{s}一家人都住{v}。"],
            "change": ["{s}把家搬到{v}去了。", "{s}离开{u}去{v}生活了。"], "deny": ["{s}不是{v}的居民。", "{s}早就不住{v}了。"],
            "near": ["{s}有个姑姑在{w}。", "{s}周末去{w}玩。"],
        },
        {
            "values": ["比亚迪", "中兴", "顺丰", "万科"],
            "same": ["{s}是{v}的员工。", "{s}的雇主是{v}。", "{s}在{v}做事。"],
            "change": ["{s}被{v}录用了。", "{s}的新雇主是{v}。"], "deny": ["{s}的雇主不是{v}。", "{s}被{v}辞退了。"],
            "near": ["{s}投诉过{w}。", "{s}的房东是{v}的员工。"],
        },
        {
            "values": ["爵士乐", "空手道", "陶艺", "骑车"], "many": True,
            "same": ["{s}特别迷{v}。", "{s}对{v}很着迷。", "{v}是{s}的最爱。"], "change": [],
            "deny": ["{s}觉得{v}很无聊。", "{s}对{v}没有兴趣。"], "near": ["{s}特别迷{w}。", "{s}读了一本关于{v}的书。"],
        },
        {
            "values": ["九点", "十点半", "两点", "四点"], "subject": "{n}的预约",
            "same": ["{S}是{v}。", "{S}的时间是{v}。"], "change": ["{S}延后到{v}。", "{S}挪到了{v}。"],
            "deny": ["{S}不是{v}。"], "near": ["{N}{v}吃早饭。"],
        },
        {
            "values": ["4711", "8023", "1590", "6642"], "same": ["{s}的柜子密码是{v}。", "{s}柜子的密码是{v}。"],
            "change": ["{s}把柜子密码改成了{v}。"], "deny": ["{s}的柜子密码不是{v}。"], "near": ["{s}的客户号是{w}。"],
        },
    ],
}
ENGLISH["fresh"], CHINESE["fresh"] = FRESH_ENGLISH, FRESH_CHINESE

SEALED_ENGLISH = {
    "names": ["Yusuf", "Paula", "Gideon", "Noemi", "Ruben", "Ines"],
    "attributes": [
        {
            "values": ["Seville", "Krakow", "Malmo", "Graz", "Antwerp"],
            "same": ["{s} rents a flat in {v}.", "{s} has made {v} home.", "{s} is a local in {v}."],
            "change": ["{s} swapped {u} for {v}.", "{s} bought a place in {v} and went there for good."],
            "deny": ["{s} is not a local in {v}.", "{s} turned {s}'s back on {v}."],
            "near": ["{s} sends postcards from {w}.", "{s}'s cousin rents a flat in {w}.", "{s} has a meeting in {w}."],
        },
        {
            "values": ["Michelin", "Danone", "Roche", "Maersk"],
            "same": ["{s} draws a salary from {v}.", "{s} is a member of staff at {v}.", "{s} has a position with {v}."],
            "change": ["{s} was recruited by {v}.", "{s} is the newest member of staff at {v}."],
            "deny": ["{s} is not a member of staff at {v}.", "{s} handed in notice at {v}."],
            "near": ["{s} wrote an article about {w}.", "{s}'s tenant draws a salary from {v}."],
        },
        {
            "values": ["astronomy", "fencing", "knitting", "rowing"], "many": True,
            "same": ["{s} is mad about {v}.", "{s} is hooked on {v}.", "{v} makes {s} happy."],
            "change": [], "deny": ["{s} has no interest in {v}.", "{s} is bored by {v}.", "{s} is not mad about {v}."],
            "near": ["{s} is hooked on {w}.", "{s} wrote an essay on {v}."],
        },
        {
            "values": ["8:15", "11:45", "13:30", "17:00"], "subject": "{n}'s train",
            "same": ["{S} departs at {v}.", "{S} leaves at {v}.", "The departure of {S} is at {v}."],
            "change": ["{S} was delayed until {v}.", "{S} departs at {v} now."], "deny": ["{S} does not depart at {v}."],
            "near": ["{N} goes jogging at {v}."],
        },
        {
            "values": ["AB12", "QX77", "ZT40", "LM93"],
            "same": ["{s}'s licence plate is {v}.", "The licence plate of {s} reads {v}."],
            "change": ["{s} got a new licence plate, {v}."], "deny": ["{s}'s licence plate is not {v}."],
            "near": ["{s}'s seat number is {w}."],
        },
        {
            "values": ["Dr Stone", "Dr Patel", "Dr Meyer", "Dr Silva"],
            "same": ["{s}'s dentist is {v}.", "{v} is {s}'s dentist.", "{s} has {v} for a dentist."],
            "change": ["{s} changed dentists and now goes to {v}."], "deny": ["{s}'s dentist is not {v}."],
            "near": ["{s} had lunch with {w}.", "{s}'s vet is {w}."],
        },
    ],
}

SEALED_CHINESE = {
    "names": ["邓超", "傅莹", "曹阳", "魏红", "潘亮", "袁梦"],
    "attributes": [
        {
            "values": ["合肥", "贵阳", "宁波", "兰州", "太原"],
            "same": ["{s}在{v}租了房。", "{s}把{v}当成家。", "{s}是{v}本地人。"],
            "change": ["{s}举家去了{v}。", "{s}从{u}换到{v}居住。"], "deny": ["{s}不是{v}本地人。", "{s}不在{v}住了。"],
            "near": ["{s}从{w}寄来明信片。", "{s}的表哥在{w}租了房。", "{s}在{w}开会。"],
        },
        {
            "values": ["中兴", "吉利", "蒙牛", "宝钢"],
            "same": ["{s}是{v}的职员。", "{s}领{v}的薪水。", "{s}在{v}有份工作。"],
            "change": ["{s}被{v}聘用了。", "{s}成了{v}的新职员。"], "deny": ["{s}不是{v}的职员。", "{s}从{v}辞职了。"],
            "near": ["{s}写过关于{w}的文章。", "{s}的租客是{v}的职员。"],
        },
        {
            "values": ["天文", "击剑", "编织", "划船"], "many": True,
            "same": ["{s}痴迷{v}。", "{s}对{v}上瘾。", "{v}让{s}很快乐。"], "change": [],
            "deny": ["{s}对{v}毫无兴趣。", "{s}不痴迷{v}。"], "near": ["{s}痴迷{w}。", "{s}写了一篇{v}的文章。"],
        },
        {
            "values": ["八点", "十一点", "一点", "五点"], "subject": "{n}的火车",
            "same": ["{S}{v}出发。", "{S}{v}开。", "{S}的发车时间是{v}。"], "change": ["{S}晚点到{v}。", "{S}改成{v}出发。"],
            "deny": ["{S}不是{v}出发。"], "near": ["{N}{v}去跑步。"],
        },
        {
            "values": ["A12", "Q77", "Z40", "L93"], "same": ["{s}的车牌是{v}。", "{s}的车牌号是{v}。"],
            "change": ["{s}换了新车牌{v}。"], "deny": ["{s}的车牌不是{v}。"], "near": ["{s}的座位号是{w}。"],
        },
        {
            "values": ["石医生", "白医生", "梅医生", "苏医生"],
            "same": ["{s}的牙医是{v}。", "{v}是{s}的牙医。", "给{s}看牙的是{v}。"],
            "change": ["{s}换了牙医，现在找{v}。"], "deny": ["{s}的牙医不是{v}。"], "near": ["{s}和{w}吃过午饭。"],
        },
    ],
}
ENGLISH["sealed"], CHINESE["sealed"] = SEALED_ENGLISH, SEALED_CHINESE

LABELS = ["duplicate", "conflict", "unrelated"]


def generate(seed: int, count: int, half: str = "held") -> list[dict]:
    """`count` pairs of each language: earlier and later text, label (duplicate, conflict or unrelated) and kind."""
    rng = random.Random(f"{seed}/{half}")
    pairs = []
    for language, sets in [("en", ENGLISH), ("zh", CHINESE)]:
        for number in range(count):
            pairs.append({"language": language, **one(rng, sets[half], number, language)})
    return pairs


def one(rng: random.Random, half: dict, number: int, language: str) -> dict:
    while True:
        attribute = rng.choice(half["attributes"])
        name, other = rng.sample(half["names"], 2)
        old, new = rng.sample(attribute["values"], 2)
        kind = ["paraphrase", "update", "negation", "near-miss", "other-subject"][number % 5]
        if kind == "update" and attribute.get("many"):
            continue

        def say(template: str, who: str = name, value: str = old, before: str = "") -> str:
            subject = attribute.get("subject", "{s}").format(s=who, n=who)
            text = template.format(s=who, N=who, S=subject, v=value, u=before, w=new)
            return text[0].upper() + text[1:] if language == "en" else text

        first = say(rng.choice(attribute["same"]))
        if kind == "paraphrase":
            second = say(rng.choice(attribute["same"]))
            if first == second and rng.random() < 0.8:
                continue
            return {"first": first, "second": second, "label": "duplicate", "kind": kind}
        if kind == "update":
            if not attribute["change"] and rng.random() < 0.5:
                continue
            templates = attribute["change"] + attribute["same"]
            return {"first": first, "second": say(rng.choice(templates), value=new, before=old), "label": "conflict", "kind": kind}
        if kind == "negation":
            return {"first": first, "second": say(rng.choice(attribute["deny"])), "label": "conflict", "kind": kind}
        if kind == "near-miss":
            return {"first": first, "second": say(rng.choice(attribute["near"])), "label": "unrelated", "kind": kind}
        template = rng.choice(attribute["same"])
        return {"first": first, "second": say(template, who=other), "label": "unrelated", "kind": kind}


if __name__ == "__main__":
    import json
    import sys

    seed, count, half = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for pair in generate(seed, count, half):
        print(json.dumps(pair, ensure_ascii=False))

"""The words that records are made of. All people, places and addresses are made up.

Each list holds a few values that break careless code: accents, apostrophes, other scripts, emoji, quotes,
backslashes, line breaks, blanks at the end, and text longer than any column was thought to need.
"""
# ruff: noqa: RUF001 - ambiguous characters are the point

from __future__ import annotations

FEMALE_NAMES = (
    "Maria", "Anna", "Ruth", "Esther", "Hannah", "Sarah", "Rebekah", "Naomi", "Lydia", "Priscilla", "Grace", "Joy",
    "Abigail", "Emma", "Olivia", "Charlotte", "Amelia", "Sophia", "Isabella", "Mia", "Evelyn", "Harper", "Luna",
    "Camila", "Sofía", "Lucía", "María José", "Zoë", "Chloé", "Renée", "Siân", "Åsa", "Đorđa", "Ngọc Ánh", "Hye-jin",
    "D'Andrea", "Anne-Marie", "Mary Beth", "Jo", "Ó", "美咲", "Ольга", "فاطمة", "רבקה", "Ελένη",
)  # fmt: skip
MALE_NAMES = (
    "John", "Peter", "Paul", "James", "Andrew", "Philip", "Thomas", "Matthew", "Mark", "Luke", "Timothy", "Titus",
    "Daniel", "Samuel", "David", "Joel", "Noah", "Liam", "Oliver", "Elijah", "Mateo", "Lucas", "Levi", "Ezra", "Asher",
    "José", "Jesús", "Ángel", "François", "Jürgen", "Søren", "Łukasz", "Dvořák", "Nguyễn", "Mehmet Çağrı", "Seán",
    "O'Neil", "Jean-Luc", "J.R.", "Al", "X Æ", "太郎", "Владимир", "محمد", "משה", "Γιώργος",
)  # fmt: skip
SURNAMES = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez", "Hernandez",
    "Lopez", "Gonzalez", "Wilson", "Anderson", "Taylor", "Moore", "Jackson", "Martin", "Lee", "Thompson", "White",
    "Harris", "Clark", "Lewis", "Robinson", "Walker", "Young", "Allen", "King", "Wright", "Scott", "Hill", "Green",
    "Adams", "Baker", "Nelson", "Carter", "Mitchell", "Turner", "Phillips", "Campbell", "Parker", "Evans", "Edwards",
    "O'Brien", "O’Connor", "D'Souza", "N'Diaye", "Núñez", "Peña", "Muñoz", "García-Márquez", "Müller", "Größe", "Strauß",
    "Østergård", "Åkesson", "Žižek", "Kovács", "Wójcik", "İnönü", "Nguyễn", "van der Berg", "de la Cruz", "Mc Donald",
    "St. John", "Smith-Jones III", "Null", "True", "None", "Test", "山田", "김", "王", "Иванов", "الأحمد", "כהן", "Παπαδόπουλος",
)  # fmt: skip
NICKNAMES = (
    "Bo", "Sunny", "Coach", "Pastor T", 'Big "J"', "😀", "Zoë🎉", "Ray\\Ray", "the ‘Duke’", "Lil’ Mo", "J, Jr.",
    "<b>Bold</b>", "%percent%", "under_score", "{brace}", "a/b", "🙏🏽", "👩‍👩‍👧‍👦", "  Al  ", "ﷺ",
)  # fmt: skip

STREETS = (
    "Main St", "Oak Ave", "Church Road", "Elm Street", "Maple Dr.", "N. Lincoln Blvd", "Rue de l’Église", "Straße des 17. Juni",
    "Calle Ñuñoa", "Old Mill Lane", "Highway 12", "O'Connell Way",
)  # fmt: skip
PLACES = (
    # city, state, zip, country code, country
    ("Springfield", "IL", "62704", "US", "United States"),
    ("Carlsbad", "CA", "92008", "US", "United States"),
    ("Boston", "MA", "02134", "US", "United States"),  # a zip that must not become a number
    ("Winston-Salem", "NC", "27101-4567", "US", "United States"),
    ("Coeur d'Alene", "ID", "83814", "US", "United States"),
    ("San José", "CA", "95112", "US", "United States"),
    ("Truth or Consequences", "NM", "87901", "US", "United States"),
    ("Québec", "QC", "G1R 4P5", "CA", "Canada"),
    ("München", "BY", "80331", "DE", "Germany"),
    ("London", None, "SW1A 1AA", "GB", "United Kingdom"),
    ("東京", None, "100-0001", "JP", "Japan"),
    ("São Paulo", "SP", "01310-100", "BR", "Brazil"),
)
MAIL_DOMAINS = ("example.org", "example.com", "mail.example.net", "xn--bcher-kva.example", "church.example")
LOCATIONS = ("Home", "Work", "Other", "Mobile", "School")

CAMPUSES = ("Downtown", "Northside", "East Bay", "San José Campus", "Online 🌐")
MARITAL_STATUSES = ("Single", "Married", "Widowed", "Divorced", "Engaged")
INACTIVE_REASONS = ("Moved", "No contact", "Deceased", "Attends another church", "Requested", "Duplicate")
NAME_PREFIXES = ("Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Rev.")
NAME_SUFFIXES = ("Jr.", "Sr.", "Ph.D.", "II", "III", "IV")
SCHOOLS: tuple[tuple[str, str, str, list[str]], ...] = (
    # name, first grade, last grade, types
    ("Lincoln Elementary", "-1", "5", ["elementary"]),
    ("Washington Middle School", "6", "8", ["middle"]),
    ("Jefferson High", "9", "12", ["high"]),
    ("St. Mary’s K–8", "0", "8", ["elementary", "middle"]),
    ("Covenant Academy", "-1", "12", ["elementary", "middle", "high"]),
    ("Homeschool", "-1", "12", []),
    ("École Internationale", "0", "12", ["elementary", "middle", "high"]),
)
MEMBERSHIPS = ("Member", "Regular Attender", "Visitor", "Participant", "In Progress", "Former Member")
APPS = (
    ("People", "people"),
    ("Giving", "giving"),
    ("Groups", "groups"),
    ("Check-Ins", "check-ins"),
    ("Services", "services"),
    ("Calendar", "calendar"),
)
CARRIERS = (
    "AT&T",
    "Verizon",
    "T-Mobile",
    "Sprint",
    "US Cellular",
    "Rogers",
    "Bell",
    "Telus",
    "Vodafone",
    "O2",
)
SITES = ("Facebook", "Twitter", "Instagram", "LinkedIn")

TABS = ("Discipleship", "Care & Prayer", "Serving", "Background")
FIELD_NAMES = (
    "Baptism date", "Salvation date", "T-shirt size", "Allergies?", "Spiritual gifts", "Member since", "Small group", "Notes",
    "Emergency contact", "Photo release", "How did you hear about us?", "Años en la iglesia", "Languages", "Volunteer score",
    "Waiver", "First visit", "Favorite hymn", "Can drive 🚐",
)  # fmt: skip
DATA_TYPES = ("string", "text", "date", "boolean", "number", "select", "checkboxes", "file")
CHOICES = ("Small", "Medium", "Large", "Extra large", "N/A", "Otro")

NOTE_CATEGORIES = ("General", "Pastoral care", "Counseling", "Membership interview", "Finance")
LIST_CATEGORIES = ("Ministry", "Care", "Follow-up", "Finance", "Archive")
FORM_CATEGORIES = ("Sign-ups", "Care", "Kids", "Surveys")
WORKFLOW_CATEGORIES = ("Assimilation", "Care", "Staff")
FORMS = (
    "Connect card", "Prayer request", "VBS registration", "Baptism", "Child dedication", "Volunteer application",
    "Membership class", "Address change", "Encuesta", "Camp waiver", "Photo release", "Feedback <script>alert(1)</script>",
)  # fmt: skip
WORKFLOWS = (
    "First-time guests", "New members", "Hospital visits", "Volunteer onboarding", "Baptism follow-up", "Funeral care",
    "Background checks", "Kids check", "Lapsed attenders",
)  # fmt: skip
REPORTS = (
    "Birthdays",
    "Directory",
    "Mailing labels",
    "Membership",
    "Attendance follow-up",
    "Parents",
    "Export “all”",
)
LISTS = (
    "Adults", "Parents of teens", "Volunteers", "Birthdays this month", "No email", "New this year", "Inactive > 90 days",
    "Choir", "Youth", "Kids 0-5", "Members w/o group", "Leaders", "Deacons", "Prayer team", "Greeters", "Families (3+)",
    "60% club", "Ñandú", "Men's breakfast", "Women's retreat",
)  # fmt: skip
SENTENCES = (
    "Called on Sunday; will visit next week.",
    "Peanut allergy — carries an EpiPen.",
    "Asked for prayer for her mother’s surgery 🙏.",
    'Said: "please don\'t call before 9".',
    "Moved; new address follows.\nForward mail until June.",
    "Tab\tseparated\tby hand.",
    "C:\\Users\\office\\scan.pdf",
    "¿Habla español? Sí.",
    "見学に来た。",
    "שלום עליכם",
    "NULL",
    "'; DROP TABLE people; --",
    "100% sure_thing",
    "Zero\u200bwidth and a non\u00a0breaking blank.",
    " leading and trailing blanks ",
    "",
)
LONG_TEXT = "Long history: " + "visited, called, wrote; nothing changed — and yet… " * 80
"""About 4,000 characters."""

TOPICS = (
    "Alpha", "Bible study", "Choir", "Prayer", "Youth", "Kids", "Men's breakfast", "Café", "Missions 🌍", "Worship", "Retiro",
    "Welcome team", "Marriage", "Grief share", "Young adults", "Seniors", "Outreach", "Baptism", "Easter", "Christmas Eve",
)  # fmt: skip
SORTS = ("standard", "custom", "default", "other")
GROUP_TYPES = ("Small Groups", "Classes", "Teams", "Online", "Recovery")
FUNDS = ("General", "Missions", "Building", "Benevolence", "Youth Camp", "Diezmo")
SONGS = (
    "Amazing Grace", "How Great Thou Art", "Be Thou My Vision", "It Is Well", "Holy, Holy, Holy", "O Come, O Come, Emmanuel",
    "Great Is Thy Faithfulness", "Doxology", "Silent Night", "Crown Him with Many Crowns", "Castillo Fuerte", "Abide with Me",
    "Come Thou Fount", "All Creatures", "Ein feste Burg",
)  # fmt: skip
TEAMS = ("Band", "Vocals", "Tech", "Hospitality", "Kids Check-in", "Parking", "Prayer")
POSITIONS = (
    "Drums",
    "Bass",
    "Piano",
    "Soprano",
    "Tenor",
    "Sound",
    "Slides",
    "Camera 1",
    "Greeter",
    "Usher",
    "Lead",
)
SERVICE_TYPES = ("Sunday Morning", "Saturday Night", "Youth", "Servicio en Español", "Special Events")
ROOMS = (
    "Nursery",
    "Toddlers",
    "Pre-K",
    "Elementary",
    "Gym",
    "Fellowship Hall",
    "Room 101",
    "Chapel",
    "Sanctuary",
)
KEYS = ("C", "D", "Eb", "E", "F", "G", "A", "Bb")

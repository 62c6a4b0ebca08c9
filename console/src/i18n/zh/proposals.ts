export default {
  title: "待纳管",
};

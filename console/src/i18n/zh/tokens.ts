export default {
  title: "令牌",
};
